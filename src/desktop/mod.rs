//! The desktop.
pub mod menu;
pub mod view;
pub mod icon;
pub mod policy;
mod difference;
mod words;
