//! Credentials or a token that are kept, and renewed before they expire, when their files change, and when the service
//! refuses them.
//!
//! One lookup runs at a time, as a task of the worker, and all callers share its result. A cancelled call does not stop
//! it. While the credentials that are held are valid, a lookup runs in the background and no call waits for it.

use super::fetch::TIMEOUT;
use crate::config::environment::FileStamps;
use crate::error::{Error, Kind, Result};
use crate::runtime::blocking;
use crate::runtime::log;
use crate::runtime::sync::Mutex;
use aws_credential_types::Credentials;
use aws_credential_types::Token;
use aws_credential_types::provider::error::{CredentialsError, TokenError};
use aws_credential_types::provider::token::ProvideToken;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use futures::future::{BoxFuture, FutureExt, Shared as SharedFuture};
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;

/// The longest time before their expiry at which credentials are renewed, and its part of their lifetime.
const EARLY: (Duration, u32) = (Duration::from_secs(5 * 60), 4);
/// The time before their expiry at which credentials are no longer used, and its part of their lifetime.
const SLACK: (Duration, u32) = (Duration::from_secs(10), 8);
/// The time after which credentials without an expiry are renewed.
const WITHOUT_EXPIRY: Duration = Duration::from_secs(15 * 60);
/// The shortest time between a failed renewal and the next one in the background.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// The shortest time between two looks at the files, and between two lookups of credentials that are refused.
const SECOND: Duration = Duration::from_secs(1);

/// What authorizes requests: credentials, or a token.
pub trait Identity: Clone + Send + Sync + 'static {
    fn expires_at(&self) -> Option<SystemTime>;
    fn is_same(&self, other: &Self) -> bool;
}

impl Identity for Credentials {
    fn expires_at(&self) -> Option<SystemTime> {
        self.expiry()
    }

    fn is_same(&self, other: &Self) -> bool {
        let values = |keys: &Credentials| {
            let token = keys.session_token().map(str::to_owned);
            (keys.access_key_id().to_owned(), keys.secret_access_key().to_owned(), token)
        };
        values(self) == values(other)
    }
}

impl Identity for Token {
    fn expires_at(&self) -> Option<SystemTime> {
        self.expiration()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.token() == other.token()
    }
}

/// Looks up an identity.
pub trait LookUp: Debug + Send + Sync + 'static {
    type Identity;

    /// Finds the source of the identity and fetches from it.
    fn look_up(&self) -> BoxFuture<'static, Result<Found<Self::Identity>>>;
}

/// An identity that was looked up.
pub struct Found<I> {
    pub identity: I,
    pub watch: Arc<dyn Watch>,
}

/// Watches the files from which an identity was found.
pub trait Watch: Send + Sync {
    /// Compares the files with those of the last look, or else of the lookup. Blocks.
    fn look(&self) -> Seen;
}

/// What a look at the files of an identity has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No file has changed since the last look.
    Unchanged,
    /// A file has changed, and all settings of the identity are those with which it was found.
    Same,
    /// A file has changed, and may name another identity.
    Other,
}

impl Watch for Mutex<FileStamps> {
    fn look(&self) -> Seen {
        if self.lock().have_changed() { Seen::Other } else { Seen::Unchanged }
    }
}

/// An identity that is renewed. Clones share it. It belongs to the worker on which it is first used.
#[derive(Clone)]
pub struct Renewing<I>(Arc<Shared<I>>);

struct Shared<I> {
    source: Box<dyn LookUp<Identity = I>>,
    clock: SharedTimeSource,
    state: Mutex<State<I>>,
}

struct State<I> {
    held: Option<Held<I>>,
    running: Option<Running<I>>,
    /// The end of the last lookup, if it failed.
    failed: Option<Instant>,
    /// Whether the files are being looked at, and when this last began.
    looks_at_files: bool,
    looked_at_files: Option<Instant>,
    /// The start of the last lookup because of a refusal.
    refused: Option<Instant>,
}

/// The result of a lookup that runs.
type Running<I> = SharedFuture<BoxFuture<'static, Result<I>>>;

struct Held<I> {
    identity: I,
    watch: Arc<dyn Watch>,
    /// Whether its files may name another one.
    is_outdated: bool,
    /// The time since which this identity is held.
    since: Instant,
    renew_at: SystemTime,
    /// None if it does not expire.
    valid_until: Option<SystemTime>,
}

impl<I: Identity> State<I> {
    fn new() -> Self {
        let (held, running, failed, looked_at_files, refused) = (None, None, None, None, None);
        State { held, running, failed, looks_at_files: false, looked_at_files, refused }
    }

    fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.peek().is_none())
    }
}

impl<I: Identity> Held<I> {
    fn new(found: Found<I>, now: SystemTime) -> Self {
        let Found { identity, watch } = found;
        let before_expiry = |(longest, part): (Duration, u32)| {
            let expiry = identity.expires_at()?;
            let lifetime = expiry.duration_since(now).unwrap_or_default();
            Some(expiry - longest.min(lifetime / part))
        };
        let renew_at = before_expiry(EARLY).unwrap_or(now + WITHOUT_EXPIRY);
        let valid_until = before_expiry(SLACK);
        Held { identity, watch, is_outdated: false, since: Instant::now(), renew_at, valid_until }
    }

    fn is_valid(&self, now: SystemTime) -> bool {
        self.valid_until.is_none_or(|until| now < until)
    }
}

impl<I: Identity> Renewing<I> {
    /// Returns an identity that is first looked up when it is needed.
    pub fn new(source: impl LookUp<Identity = I>) -> Self {
        Renewing::with_clock(source, SharedTimeSource::new(SystemTimeSource::new()))
    }

    fn with_clock(source: impl LookUp<Identity = I>, clock: SharedTimeSource) -> Self {
        Renewing(Arc::new(Shared { source: Box::new(source), clock, state: Mutex::new(State::new()) }))
    }

    /// Returns a valid identity. Waits only if none is held.
    async fn get(&self) -> Result<I> {
        let running = {
            let mut state = self.0.state.lock();
            let now = self.0.clock.now();
            match &state.held {
                Some(held) if held.is_valid(now) => {
                    let (identity, is_due) = (held.identity.clone(), now >= held.renew_at);
                    if is_due {
                        self.renew(&mut state);
                    }
                    self.look_at_files(&mut state);
                    return Ok(identity);
                }
                _ => self.look_up(&mut state),
            }
        };
        running.await
    }

    /// Looks up the identity because the service has refused that of an attempt that started at `attempt`. Returns
    /// whether there is another now.
    pub async fn renew_refused(&self, attempt: Instant) -> bool {
        // A lookup that runs already may have begun before the identity was replaced.
        for _ in 0..2 {
            let (running, refused) = {
                let mut state = self.0.state.lock();
                let Some(held) = &state.held else { return true };
                if held.since > attempt {
                    return true;
                }
                let refused = held.identity.clone();
                if !state.is_running() {
                    if is_within(state.refused, SECOND) {
                        return false;
                    }
                    state.refused = Some(Instant::now());
                }
                (self.look_up(&mut state), refused)
            };
            if running.await.is_ok_and(|found| !found.is_same(&refused)) {
                return true;
            }
        }
        false
    }

    /// Starts a lookup in the background, unless one has just failed.
    fn renew(&self, state: &mut State<I>) {
        if !is_within(state.failed, PAUSE_AFTER_FAILURE) {
            drop(self.look_up(state));
        }
    }

    /// Returns the result of the lookup that runs. Starts it if none does.
    fn look_up(&self, state: &mut State<I>) -> Running<I> {
        if let Some(running) = state.running.as_ref().filter(|running| running.peek().is_none()) {
            return running.clone();
        }
        let (sender, receiver) = oneshot::channel();
        let this = self.clone();
        tokio::spawn(async move {
            // Most sources have a limit of their own, with a better message.
            let found = tokio::time::timeout(2 * TIMEOUT, this.0.source.look_up()).await;
            let _ = sender.send(this.keep(found.unwrap_or_else(|_| Err(too_long()))));
        });
        let running = async { receiver.await.unwrap_or_else(|_| Err(Error::shut_down())) }.boxed().shared();
        state.running = Some(running.clone());
        running
    }

    /// Ends a lookup.
    fn keep(&self, found: Result<Found<I>>) -> Result<I> {
        let mut state = self.0.state.lock();
        state.running = None;
        state.failed = None;
        match found {
            Ok(found) => {
                let mut new = Held::new(found, self.0.clock.now());
                if let Some(old) = state.held.as_ref().filter(|old| old.identity.is_same(&new.identity)) {
                    new.since = old.since;
                }
                Ok(state.held.insert(new).identity.clone())
            }
            Err(error) => {
                state.failed = Some(Instant::now());
                log::info("credentials", format_args!("looking up credentials failed: {}", error.without_advice()));
                Err(error)
            }
        }
    }

    /// Renews the identity if its files may name another one. Returns at once.
    fn look_at_files(&self, state: &mut State<I>) {
        let Some(held) = &state.held else { return };
        if state.looks_at_files || is_within(state.looked_at_files, SECOND) {
            return;
        }
        let watch = held.watch.clone();
        state.looks_at_files = true;
        state.looked_at_files = Some(Instant::now());
        let this = self.clone();
        tokio::spawn(async move {
            let looked = watch.clone();
            let seen = blocking::FILES.run(move || Ok(looked.look())).await.unwrap_or(Seen::Unchanged);
            let mut state = this.0.state.lock();
            state.looks_at_files = false;
            this.note(&mut state, &watch, seen);
        });
    }

    /// Notes what a look at the files has found, unless another identity is held by now.
    fn note(&self, state: &mut State<I>, watch: &Arc<dyn Watch>, seen: Seen) {
        let State { held, failed, .. } = state;
        let Some(held) = held.as_mut().filter(|held| Arc::ptr_eq(&held.watch, watch)) else { return };
        match seen {
            Seen::Unchanged => {}
            Seen::Same => held.is_outdated = false,
            Seen::Other => {
                held.is_outdated = true;
                // What made the last lookup fail may have been mended.
                *failed = None;
            }
        }
        if held.is_outdated {
            self.renew(state);
        }
    }
}

impl<I> Debug for Renewing<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewing")
    }
}

impl ProvideCredentials for Renewing<Credentials> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The SDK passes the error on unchanged, so that its type is found again.
        future::ProvideCredentials::new(async { self.get().await.map_err(CredentialsError::provider_error) })
    }
}

impl ProvideToken for Renewing<Token> {
    fn provide_token<'a>(&'a self) -> future::ProvideToken<'a>
    where
        Self: 'a,
    {
        future::ProvideToken::new(async { self.get().await.map_err(TokenError::provider_error) })
    }
}

fn is_within(since: Option<Instant>, time: Duration) -> bool {
    since.is_some_and(|since| since.elapsed() < time)
}

fn too_long() -> Error {
    Error::new(Kind::Credentials, "looking up credentials took too long").with_retryable(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_async::time::TimeSource;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// A clock that a test sets.
    #[derive(Clone, Debug)]
    struct Clock(Arc<Mutex<SystemTime>>);

    impl Clock {
        fn pass(&self, seconds: u64) {
            *self.0.lock() += Duration::from_secs(seconds);
        }
    }

    impl TimeSource for Clock {
        fn now(&self) -> SystemTime {
            *self.0.lock()
        }
    }

    /// A source whose lookups the test lets end one by one.
    #[derive(Clone, Debug)]
    struct Source(Arc<Lookups>);

    #[derive(Debug)]
    struct Lookups {
        clock: Clock,
        lifetime: Option<Duration>,
        may_end: Semaphore,
        begun: AtomicUsize,
        fails: Mutex<bool>,
        /// The number of the keys that are found.
        keys: AtomicUsize,
    }

    impl LookUp for Source {
        type Identity = Credentials;

        fn look_up(&self) -> BoxFuture<'static, Result<Found<Credentials>>> {
            let lookups = self.0.clone();
            async move {
                lookups.begun.fetch_add(1, Ordering::Relaxed);
                lookups.may_end.acquire().await.unwrap().forget();
                if *lookups.fails.lock() {
                    return Err(Error::new(Kind::Credentials, "the source is down"));
                }
                let expiry = lookups.lifetime.map(|lifetime| lookups.clock.now() + lifetime);
                let id = format!("AKIA{}", lookups.keys.load(Ordering::Relaxed));
                let credentials = Credentials::new(id, "secret", None, expiry, "test");
                Ok(Found { identity: credentials, watch: Arc::new(Mutex::new(FileStamps::default())) })
            }
            .boxed()
        }
    }

    struct Setting {
        clock: Clock,
        source: Source,
        credentials: Renewing<Credentials>,
    }

    fn setting(lifetime: Option<u64>) -> Setting {
        let clock = Clock(Arc::new(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000))));
        let source = Source(Arc::new(Lookups {
            clock: clock.clone(),
            lifetime: lifetime.map(Duration::from_secs),
            may_end: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            fails: Mutex::new(false),
            keys: AtomicUsize::new(0),
        }));
        let credentials = Renewing::with_clock(source.clone(), SharedTimeSource::new(clock.clone()));
        Setting { clock, source, credentials }
    }

    impl Setting {
        fn begun(&self) -> usize {
            self.source.0.begun.load(Ordering::Relaxed)
        }

        /// Lets one lookup end.
        fn let_end(&self) {
            self.source.0.may_end.add_permits(1);
        }

        fn replace_keys(&self) {
            self.source.0.keys.fetch_add(1, Ordering::Relaxed);
        }

        /// Returns the credentials if no lookup has to be waited for.
        fn at_once(&self) -> Option<Result<String>> {
            self.credentials.get().now_or_never().map(|got| got.map(|keys| keys.access_key_id().to_owned()))
        }

        /// Lets a look at the files find this.
        async fn sees(&self, seen: Seen) {
            {
                let mut state = self.credentials.0.state.lock();
                let watch = state.held.as_ref().unwrap().watch.clone();
                self.credentials.note(&mut state, &watch, seen);
            }
            settle().await;
        }

        async fn first(&self) {
            self.let_end();
            assert_eq!(self.credentials.get().await.unwrap().access_key_id(), "AKIA0");
        }
    }

    /// Lets the tasks of a test's event loop go on until all of them wait.
    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_thousand_calls_share_one_lookup_that_no_cancelled_call_stops() {
        let all = setting(None);
        let calls: Vec<_> = (0..1000)
            .map(|_| {
                let credentials = all.credentials.clone();
                tokio::spawn(async move { credentials.get().await })
            })
            .collect();
        settle().await;
        calls[0].abort();
        all.let_end();
        for call in calls.into_iter().skip(1) {
            assert_eq!(call.await.unwrap().unwrap().access_key_id(), "AKIA0");
        }
        assert_eq!(all.begun(), 1);
    }

    #[tokio::test]
    async fn credentials_are_renewed_in_the_background_and_waited_for_only_after_their_expiry() {
        let all = setting(Some(3600));
        all.first().await;
        all.replace_keys();
        all.clock.pass(3600 - 301);
        assert_eq!(all.at_once().unwrap().unwrap(), "AKIA0");
        settle().await;
        assert_eq!(all.begun(), 1, "more than five minutes before the expiry");
        all.clock.pass(2);
        for _ in 0..100 {
            assert_eq!(all.at_once().unwrap().unwrap(), "AKIA0");
        }
        settle().await;
        assert_eq!(all.begun(), 2);
        all.clock.pass(285);
        assert_eq!(all.at_once().unwrap().unwrap(), "AKIA0", "they are valid, and the lookup still runs");
        all.clock.pass(5);
        assert!(all.at_once().is_none(), "they are about to expire");
        all.let_end();
        settle().await;
        assert_eq!(all.at_once().unwrap().unwrap(), "AKIA1");
        assert_eq!(all.begun(), 2);
    }

    #[tokio::test]
    async fn credentials_of_a_short_life_are_renewed_after_three_quarters_of_it() {
        let all = setting(Some(40));
        all.first().await;
        all.clock.pass(29);
        assert!(all.at_once().is_some());
        settle().await;
        assert_eq!(all.begun(), 1);
        all.clock.pass(2);
        assert!(all.at_once().is_some());
        settle().await;
        assert_eq!(all.begun(), 2);
    }

    #[tokio::test]
    async fn a_renewal_that_fails_leaves_valid_credentials_and_is_not_tried_again_at_once() {
        let all = setting(Some(3600));
        all.first().await;
        *all.source.0.fails.lock() = true;
        all.clock.pass(3400);
        all.let_end();
        for _ in 0..100 {
            assert_eq!(all.at_once().unwrap().unwrap(), "AKIA0");
            settle().await;
        }
        assert_eq!(all.begun(), 2);
        all.clock.pass(300);
        all.let_end();
        let error = all.credentials.get().await.unwrap_err();
        assert!(error.message().as_str().contains("the source is down"), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_is_mended_after_a_failed_lookup_is_read_without_a_pause() {
        let all = setting(None);
        all.first().await;
        for round in 0..3 {
            let begun = 1 + 2 * round;
            *all.source.0.fails.lock() = true;
            all.let_end();
            all.sees(Seen::Other).await;
            assert_eq!(all.begun(), begun + 1);
            all.sees(Seen::Unchanged).await;
            assert_eq!(all.begun(), begun + 1, "a file that stays broken is not read at once");
            *all.source.0.fails.lock() = false;
            all.replace_keys();
            all.let_end();
            all.sees(Seen::Other).await;
            assert_eq!(all.begun(), begun + 2);
            assert_eq!(all.at_once().unwrap().unwrap(), format!("AKIA{}", round + 1));
        }
    }

    #[tokio::test]
    async fn a_file_that_is_as_it_was_is_no_reason_for_a_lookup() {
        let all = setting(None);
        all.first().await;
        *all.source.0.fails.lock() = true;
        all.let_end();
        all.sees(Seen::Other).await;
        assert_eq!(all.begun(), 2);
        all.sees(Seen::Same).await;
        all.credentials.0.state.lock().failed = None;
        all.sees(Seen::Unchanged).await;
        assert_eq!(all.begun(), 2, "the credentials are again those of the file");
    }

    #[tokio::test]
    async fn a_thousand_refused_calls_start_one_lookup_and_use_what_it_finds() {
        let all = setting(None);
        all.first().await;
        let attempt = Instant::now();
        all.replace_keys();
        let calls: Vec<_> = (0..1000)
            .map(|_| {
                let credentials = all.credentials.clone();
                tokio::spawn(async move { credentials.renew_refused(attempt).await })
            })
            .collect();
        all.let_end();
        for call in calls {
            assert!(call.await.unwrap());
        }
        assert_eq!((all.begun(), all.at_once().unwrap().unwrap().as_str()), (2, "AKIA1"));
        // A call that was sent before that is sent again without another lookup.
        assert!(all.credentials.renew_refused(attempt).await);
        assert_eq!(all.begun(), 2);
    }

    #[tokio::test]
    async fn credentials_that_stay_refused_are_not_looked_up_by_each_call() {
        let all = setting(None);
        all.first().await;
        all.let_end();
        for _ in 0..1000 {
            assert!(!all.credentials.renew_refused(Instant::now()).await);
        }
        assert_eq!(all.begun(), 2);
    }
}
