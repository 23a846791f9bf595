//! Resolves host names.
//!
//! The system resolves names on threads that do nothing else, without a time limit. So lookups are single-flight:
//! concurrent requests for a name, in all models of the process, share one. A result is cached for some seconds.

use crate::error::Result;
use crate::runtime::blocking;
use crate::runtime::fork::{ForkLock, HeldOverFork, Rank};
use crate::runtime::per_process::PerProcess;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use hyper_util::client::legacy::connect::dns::Name;
use std::cell::Cell;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower_service::Service;

/// The time for which addresses are cached.
const CACHE_TIME: Duration = Duration::from_secs(5);

/// The addresses of a name, or the system's error message.
type Addresses = std::result::Result<Arc<[SocketAddr]>, Arc<str>>;
type SharedLookup = Shared<BoxFuture<'static, Result<Addresses>>>;

/// A resolver of host names for connects.
#[derive(Clone, Default)]
pub struct Resolver {
    /// The number of requests. Each connect begins with another address.
    requests: Arc<AtomicUsize>,
}

static LOOKUPS: ForkLock<PerProcess<HashMap<String, Lookup>>> = ForkLock::new(Rank::KnownNames, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &LOOKUPS;

struct Lookup {
    result: SharedLookup,
    /// When it ended, and whether it succeeded. Set by the thread that resolves, because all requests may be cancelled.
    ended: Arc<OnceLock<(Instant, bool)>>,
}

impl Lookup {
    /// Returns whether it is in progress, or has succeeded recently.
    fn is_valid(&self) -> bool {
        self.ended.get().is_none_or(|(at, succeeded)| *succeeded && at.elapsed() < CACHE_TIME)
    }
}

/// A name without addresses, with the system's error message.
#[derive(Debug)]
struct UnknownName(Arc<str>);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for UnknownName {}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let began = Instant::now();
            let found = addresses(name.as_str(), resolve).await;
            let _ = TOOK.try_with(|took| took.set(Some(took.get().unwrap_or_default() + began.elapsed())));
            let found = found?.map_err(UnknownName)?;
            Ok(rotated(&found, request).into_iter())
        })
    }
}

tokio::task_local! {
    /// The time that the lookups of a connect have taken. The HTTP library between them and the connect hides it.
    static TOOK: Cell<Option<Duration>>;
}

/// Does `connect`, and returns how long its lookups took, if there were any.
pub async fn timed<T>(connect: impl Future<Output = T>) -> (T, Option<Duration>) {
    let measured = async {
        let result = connect.await;
        (result, TOOK.with(Cell::get))
    };
    TOOK.scope(Cell::default(), measured).await
}

/// Returns the addresses, those of each family rotated by the number of the request: an address that does not respond
/// does not delay every connect.
fn rotated(found: &[SocketAddr], request: usize) -> Vec<SocketAddr> {
    let (mut v4, mut v6): (Vec<_>, Vec<_>) = found.iter().partition(|address| address.is_ipv4());
    for family in [&mut v4, &mut v6] {
        if !family.is_empty() {
            let first = request % family.len();
            family.rotate_left(first);
        }
    }
    // The system's first address is of the preferred family.
    if found.first().is_some_and(SocketAddr::is_ipv4) { [v4, v6].concat() } else { [v6, v4].concat() }
}

/// Resolves a name. Blocks.
fn resolve(name: &str) -> Addresses {
    match (name, 0).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(error.to_string().into()),
    }
}

/// Returns the addresses of `name`. Calls `resolve` unless they are cached or a lookup is in progress.
async fn addresses(name: &str, resolve: fn(&str) -> Addresses) -> Result<Addresses> {
    let result = {
        let mut lookups = LOOKUPS.lock();
        let lookups = lookups.current();
        lookups.retain(|_, lookup| lookup.is_valid());
        let lookup = lookups.entry(name.to_owned()).or_insert_with(|| {
            let (name, ended) = (name.to_owned(), Arc::<OnceLock<_>>::default());
            let sets_ended = ended.clone();
            let job = move || {
                let found = resolve(&name);
                let _ = sets_ended.set((Instant::now(), found.is_ok()));
                Ok(found)
            };
            Lookup { result: blocking::NAMES.run(job).boxed().shared(), ended }
        });
        lookup.result.clone()
    };
    let found = result.await;
    if found.is_err() {
        // There was no thread for the lookup.
        LOOKUPS.lock().current().remove(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::OnceLock;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn concurrent_requests_share_one_lookup_and_its_result_is_cached() {
        static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
        fn resolve(_: &str) -> Addresses {
            LOOKUPS.fetch_add(1, Ordering::Relaxed);
            Ok([address("127.0.0.1:0")].into())
        }
        let all = join_all((0..100).map(|_| addresses("together.test", resolve))).await;
        assert!(all.iter().all(|found| matches!(found, Ok(Ok(found)) if found.len() == 1)));
        addresses("together.test", resolve).await.unwrap().unwrap();
        assert_eq!(LOOKUPS.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_lookup_that_hangs_delays_its_own_name_alone_and_a_failure_is_not_cached() {
        static RELEASED: OnceLock<()> = OnceLock::new();
        fn hang(_: &str) -> Addresses {
            RELEASED.wait();
            Err("released".into())
        }
        let hung: Vec<_> = (0..100).map(|_| tokio::spawn(addresses("hung.test", hang))).collect();
        tokio::task::yield_now().await;
        let other = addresses("other.test", |_| Ok([address("[::1]:0")].into())).await.unwrap().unwrap();
        assert_eq!(other.len(), 1);
        RELEASED.set(()).unwrap();
        for hung in hung {
            assert!(hung.await.unwrap().unwrap().is_err());
        }
        assert!(addresses("hung.test", |_| Ok([].into())).await.unwrap().is_ok(), "a failure was cached");
    }

    #[tokio::test]
    async fn lookups_that_hang_delay_no_cached_name_and_no_other_work() {
        static RELEASED: OnceLock<()> = OnceLock::new();
        fn hang(_: &str) -> Addresses {
            RELEASED.wait();
            Err("released".into())
        }
        let cached = |_: &str| -> Addresses { Ok([address("127.0.0.1:0")].into()) };
        addresses("cached.test", cached).await.unwrap().unwrap();
        let hung: Vec<_> = (0..16)
            .map(|number| tokio::spawn(async move { addresses(&format!("hung{number}.test"), hang).await }))
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(addresses("cached.test", hang).await.unwrap().unwrap().len(), 1);
        assert_eq!(blocking::FILES.run(|| Ok(7)).await.unwrap(), 7);
        RELEASED.set(()).unwrap();
        for hung in hung {
            assert!(hung.await.unwrap().unwrap().is_err());
        }
    }

    #[test]
    fn each_connect_begins_with_another_address_of_the_preferred_family() {
        let found = ["[::1]:0", "[::2]:0", "1.1.1.1:0", "2.2.2.2:0", "3.3.3.3:0"].map(address);
        let firsts = |request| {
            let ordered = rotated(&found, request);
            (ordered[0], ordered[2], ordered.len())
        };
        assert_eq!(firsts(0), (found[0], found[2], 5));
        assert_eq!(firsts(1), (found[1], found[3], 5));
        assert_eq!(firsts(2), (found[0], found[4], 5));
        assert_eq!(rotated(&found[2..], 1)[0], found[3]);
        assert!(rotated(&[], 1).is_empty());
    }
}
