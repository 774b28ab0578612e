//! What the process says at its end.

pub const DONE: u8 = 0;
pub const FAILED: u8 = 1;
pub const WRONG_USAGE: u8 = 2;
/// The agent is not running, where the verb needs it.
pub const NOT_RUNNING: u8 = 3;
/// `doctor` found something that works less well than it could, and nothing worse.
pub const HAS_WARNINGS: u8 = 4;
/// `doctor` found something that does not work.
pub const HAS_FAILURES: u8 = 5;
