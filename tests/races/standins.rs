//! Stand-ins for the modules that the engine's files import, when they are compiled for the checker.

/// The checker's locks.
pub mod primitives {
    pub use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    pub use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub use shuttle::thread_local;
    pub use std::sync::PoisonError;
}

pub mod error {
    pub use bedrock::error::{Error, Kind, Result};
}

pub mod timer {
    use std::time::Instant;

    /// A deadline that no scenario sets: the checker has no clock.
    #[derive(Clone, Copy)]
    pub struct Deadline(Instant);

    impl Deadline {
        pub fn passes_at(&self) -> Instant {
            self.0
        }

        pub fn restarted(self) -> Self {
            self
        }

        pub fn or_earlier(self, _: Option<Deadline>) -> Self {
            self
        }
    }
}

pub mod text {
    pub use bedrock::text::Text;
}

pub mod protocol {
    pub mod event {
        use std::marker::PhantomData;

        /// A number in place of an event.
        #[derive(Clone, Copy, Debug)]
        pub struct Event<'a>(pub(super) usize, pub(super) PhantomData<&'a ()>);

        impl PartialEq<usize> for Event<'_> {
            fn eq(&self, number: &usize) -> bool {
                self.0 == *number
            }
        }
    }

    pub mod batch {
        use super::event::Event;
        use std::marker::PhantomData;

        #[derive(Default)]
        pub struct Batch {
            events: Vec<usize>,
            bytes: usize,
        }

        impl Batch {
            pub fn push(&mut self, event: usize) {
                self.events.push(event);
            }

            /// Adds an event that makes the batch huge.
            pub fn push_much(&mut self) {
                self.push(0);
                self.bytes = 3 << 20;
            }

            pub fn len(&self) -> usize {
                self.events.len()
            }

            pub fn is_empty(&self) -> bool {
                self.events.is_empty()
            }

            pub fn bytes(&self) -> usize {
                self.bytes
            }

            pub fn get(&self, index: usize) -> Option<Event<'_>> {
                self.events.get(index).map(|event| Event(*event, PhantomData))
            }

            pub fn clear(&mut self) {
                *self = Batch::default();
            }
        }
    }
}

/// A descriptor that the checker's threads can wait for: a number. It is readable while it has a token.
pub mod event_fd {
    use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
    use std::cell::RefCell;

    type State = Arc<(Mutex<usize>, Condvar)>;

    thread_local! {
        /// The checker runs all of its threads on one of the system's.
        static DESCRIPTORS: RefCell<Vec<State>> = const { RefCell::new(Vec::new()) };
    }

    pub struct EventFd {
        state: State,
        fd: i32,
        readable: bool,
    }

    /// Adds a token when it is dropped.
    #[must_use]
    pub struct Signal {
        descriptor: State,
        also: Option<Box<Signal>>,
    }

    impl Signal {
        pub fn both(one: Option<Signal>, other: Option<Signal>) -> Option<Signal> {
            match (one, other) {
                (Some(mut one), Some(other)) => {
                    one.also = Signal::both(Some(other), one.also.take().map(|also| *also)).map(Box::new);
                    Some(one)
                }
                (one, other) => one.or(other),
            }
        }
    }

    impl Drop for Signal {
        fn drop(&mut self) {
            let mut tokens = self.descriptor.0.lock().unwrap();
            assert_eq!(*tokens, 0, "the last token has not been taken");
            *tokens = 1;
            self.descriptor.1.notify_all();
        }
    }

    impl EventFd {
        pub fn new() -> std::io::Result<Self> {
            let state = State::default();
            let fd = DESCRIPTORS.with_borrow_mut(|descriptors| {
                descriptors.clear();
                descriptors.push(state.clone());
                descriptors.len() as i32 - 1
            });
            Ok(EventFd { state, fd, readable: false })
        }

        pub fn set_readable(&mut self, readable: bool) -> Option<Signal> {
            match (std::mem::replace(&mut self.readable, readable), readable) {
                (false, true) => return Some(Signal { descriptor: self.state.clone(), also: None }),
                (true, false) => *wait_for_token(&self.state) = 0,
                _ => {}
            }
            None
        }

        pub fn has_read(&mut self, left: bool) {
            assert!(self.set_readable(left).is_none());
            self.settle();
        }

        pub fn settle(&self) {
            if self.readable {
                drop(wait_for_token(&self.state));
            }
        }

        pub fn fd(&self) -> i32 {
            self.fd
        }
    }

    fn state(fd: i32) -> State {
        DESCRIPTORS.with_borrow(|descriptors| descriptors[fd as usize].clone())
    }

    pub fn is_readable(fd: i32) -> bool {
        *state(fd).0.lock().unwrap() > 0
    }

    pub fn wait_until_readable(fd: i32) {
        drop(wait_for_token(&state(fd)));
    }

    fn wait_for_token(state: &State) -> MutexGuard<'_, usize> {
        let mut tokens = state.0.lock().unwrap();
        while *tokens == 0 {
            tokens = state.1.wait(tokens).unwrap();
        }
        tokens
    }
}

/// The scenarios do not fork.
pub mod process_generation {
    #[derive(Clone, Copy, Debug)]
    pub struct Generation;

    impl Generation {
        pub fn current() -> Self {
            Generation
        }

        pub fn is_current(self) -> bool {
            true
        }
    }
}

pub mod signals {
    #[derive(Clone, Copy)]
    pub struct CallbackSignals;

    impl CallbackSignals {
        pub fn of_this_thread() -> Self {
            CallbackSignals
        }
    }
}

pub mod thread {
    use super::signals::CallbackSignals;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    struct Exit;

    /// What pthread_exit is to a callback thread: it unwinds, and prints nothing.
    pub fn exit_thread() -> ! {
        resume_unwind(Box::new(Exit))
    }

    pub fn spawn_for_callbacks(
        _: &str,
        _: CallbackSignals,
        body: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        shuttle::thread::spawn(|| match catch_unwind(AssertUnwindSafe(body)) {
            Err(panic) if !panic.is::<Exit>() => resume_unwind(panic),
            _ => {}
        });
        Ok(())
    }
}
