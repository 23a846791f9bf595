//! The engine: every call of every interface is a [`Stream`].
//!
//! A call has two sides. The [`Writer`] is a task on the worker. It sends the request, decodes the response next to its
//! connection, and appends events to a batch. (A very long frame is decoded on another thread, and the writer waits for
//! it.) The [`Stream`] belongs to a thread of the program. Its [`reader`] takes a batch and returns one event
//! after the other. A [`pipe`] connects them: it holds one batch, one end, and the notifier. A call that blocks is a
//! stream that is opened, read to its end and dropped.
//!
//! ```text
//!             first event            messageStop, end of the body
//!   waiting ---------------> open ------------------------------------> done
//!      |                      |  connection cut, service error, damage, timer
//!      +----------------------+---------------------------------------> failed
//!      |                      |  a latch fired, cancel(), shutdown
//!      +----------------------+---------------------------------------> cancelled
//! ```
//!
//! - A stream has one terminal status: the first that is set. Every later call returns it again.
//! - Events that arrived before `done` or `failed` are read first. `cancelled` discards them.
//! - A stream is done only after `messageStop`. Any other end of its bytes is
//!   [`Kind::Truncated`](crate::error::Kind::Truncated).
//! - While the batch is full the writer does not read its connection, and no timer but `total` runs.
//! - Dropping the stream ends the task, and with it the connection.
//!
//! The other files: [`incoming`] and [`unary`] are responses that the worker receives. `shared` is the part of a call
//! that both sides use, [`timer`] its timers. [`readiness`] is the descriptor and the notifier of a stream. [`wakeup`]
//! and [`waitset`] are notifiers, and [`notified_by`] is the program's choice among them. [`observation`] is what is
//! observed of a call if somebody listens, with its `content` if they ask for it, and `record` the JSON that is made of
//! it.

mod content;
pub mod incoming;
pub mod notified_by;
mod observation;
mod pipe;
mod reader;
pub mod readiness;
mod record;
mod shared;
mod stream;
pub mod timer;
pub mod unary;
pub mod waitset;
pub mod wakeup;
mod writer;

pub use observation::Observation;
pub use stream::{Next, Readiness, Remote, StartOptions, Stream};
pub use writer::Writer;
