//! Other programs that call the gateway, and their settings.

pub mod document;
