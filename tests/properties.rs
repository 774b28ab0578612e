//! What holds of every dialect and every pair, whatever is said in them.

mod answers;
mod mutations;
mod requests;
mod said;
mod wires;
