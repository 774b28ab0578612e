//! The one integration binary: one link step, and support that all of its modules share.

mod architecture;
