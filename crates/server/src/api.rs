//! What goes over the wire.

mod asked;
mod detail;
mod told;

pub use asked::*;
pub use detail::*;
pub use told::*;
