//! The hook that keeps the library's panics from being printed.
//!
//! Rust prints every panic, also one that is caught. The library's panics become errors instead.

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Installs the hook. Panics of other code still reach the hook that was there before.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !SILENT.get() {
                before(panic);
            }
        }));
    });
}

/// Runs `body`. A panic in it is not printed.
pub fn silently<T>(body: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            SILENT.set(self.0);
        }
    }
    let _restore = Restore(SILENT.replace(true));
    install();
    body()
}

/// Silences the calling thread until it ends.
pub fn silence_thread() {
    install();
    SILENT.set(true);
}
