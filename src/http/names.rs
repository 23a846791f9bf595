//! The addresses of names.
//!
//! The system looks names up on threads of a pool that does nothing else, and may take as long as it likes. So a name is looked
//! up once, however many calls wait for it, in all the models of the process, and is known for some seconds.

use crate::error::Result;
use crate::runtime::blocking;
use crate::runtime::fork::{ForkLock, HeldOverFork, Rank};
use crate::runtime::per_process::PerProcess;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use hyper_util::client::legacy::connect::dns::Name;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower_service::Service;

/// How long a name is known. Addresses change seldom, and calls that begin together ask together.
const KNOWN: Duration = Duration::from_secs(5);

/// What the lookup of a name gave, or the system's words for why it gave nothing.
type Found = std::result::Result<Arc<[SocketAddr]>, Arc<str>>;
type Looking = Shared<BoxFuture<'static, Result<Found>>>;

/// Looks names up.
#[derive(Clone, Default)]
pub struct Names {
    /// How many were looked up, so that each connect begins with another of the addresses.
    asked: Arc<AtomicUsize>,
}

/// The lookups of this process.
static LOOKUPS: ForkLock<PerProcess<HashMap<String, Lookup>>> = ForkLock::new(Rank::KnownNames, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &LOOKUPS;

struct Lookup {
    looking: Looking,
    /// When it ended, and whether it found anything. Told by the thread that looks: whoever asked may have left.
    ended: Arc<OnceLock<(Instant, bool)>>,
}

impl Lookup {
    /// Whether it is under way, or has just found something.
    fn is_of_use(&self) -> bool {
        self.ended.get().is_none_or(|(at, found)| *found && at.elapsed() < KNOWN)
    }
}

/// A name that has no address.
#[derive(Debug)]
struct Unknown(Arc<str>);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Unknown {}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let found = addresses(name.as_str(), system).await?.map_err(Unknown)?;
            Ok(from(&found, asked).into_iter())
        })
    }
}

/// The addresses, of each family another first each time: one that does not answer does not hold up every connect.
fn from(found: &[SocketAddr], asked: usize) -> Vec<SocketAddr> {
    let (mut v4, mut v6): (Vec<_>, Vec<_>) = found.iter().partition(|address| address.is_ipv4());
    for family in [&mut v4, &mut v6] {
        if !family.is_empty() {
            let first = asked % family.len();
            family.rotate_left(first);
        }
    }
    // The system knows which family is better.
    if found.first().is_some_and(SocketAddr::is_ipv4) { [v4, v6].concat() } else { [v6, v4].concat() }
}

/// Asks the system. Blocks.
fn system(name: &str) -> Found {
    match (name, 0).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(error.to_string().into()),
    }
}

/// The addresses of `name`, which `ask` is asked for unless somebody has just done so.
async fn addresses(name: &str, ask: fn(&str) -> Found) -> Result<Found> {
    let looking = {
        let mut lookups = LOOKUPS.lock();
        let lookups = lookups.current();
        lookups.retain(|_, lookup| lookup.is_of_use());
        let lookup = lookups.entry(name.to_owned()).or_insert_with(|| {
            let (name, ended) = (name.to_owned(), Arc::<OnceLock<_>>::default());
            let told = ended.clone();
            let ask = move || {
                let found = ask(&name);
                let _ = told.set((Instant::now(), found.is_ok()));
                Ok(found)
            };
            Lookup { looking: blocking::NAMES.run(ask).boxed().shared(), ended }
        });
        lookup.looking.clone()
    };
    let found = looking.await;
    if found.is_err() {
        // It was never done: there was no thread for it.
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
    async fn a_name_is_looked_up_once_for_all_who_ask_together_and_is_then_known() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        fn ask(_: &str) -> Found {
            ASKED.fetch_add(1, Ordering::Relaxed);
            Ok([address("127.0.0.1:0")].into())
        }
        let all = join_all((0..100).map(|_| addresses("together.test", ask))).await;
        assert!(all.iter().all(|found| matches!(found, Ok(Ok(found)) if found.len() == 1)));
        addresses("together.test", ask).await.unwrap().unwrap();
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_lookup_that_hangs_holds_up_its_own_name_alone_and_one_that_fails_is_made_again() {
        static RELEASED: OnceLock<()> = OnceLock::new();
        fn hang(_: &str) -> Found {
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
        assert!(addresses("hung.test", |_| Ok([].into())).await.unwrap().is_ok(), "a failure was remembered");
    }

    #[tokio::test]
    async fn lookups_that_hang_hold_up_no_name_that_is_known_and_no_other_work() {
        static RELEASED: OnceLock<()> = OnceLock::new();
        fn hang(_: &str) -> Found {
            RELEASED.wait();
            Err("released".into())
        }
        let known = |_: &str| -> Found { Ok([address("127.0.0.1:0")].into()) };
        addresses("known.test", known).await.unwrap().unwrap();
        let hung: Vec<_> = (0..16)
            .map(|number| tokio::spawn(async move { addresses(&format!("hung{number}.test"), hang).await }))
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(addresses("known.test", hang).await.unwrap().unwrap().len(), 1);
        assert_eq!(blocking::FILES.run(|| Ok(7)).await.unwrap(), 7);
        RELEASED.set(()).unwrap();
        for hung in hung {
            assert!(hung.await.unwrap().unwrap().is_err());
        }
    }

    #[test]
    fn each_connect_begins_with_another_address_of_the_family_that_the_system_prefers() {
        let found = ["[::1]:0", "[::2]:0", "1.1.1.1:0", "2.2.2.2:0", "3.3.3.3:0"].map(address);
        let firsts = |asked| {
            let ordered = from(&found, asked);
            (ordered[0], ordered[2], ordered.len())
        };
        assert_eq!(firsts(0), (found[0], found[2], 5));
        assert_eq!(firsts(1), (found[1], found[3], 5));
        assert_eq!(firsts(2), (found[0], found[4], 5));
        assert_eq!(from(&found[2..], 1)[0], found[3]);
        assert!(from(&[], 1).is_empty());
    }
}
