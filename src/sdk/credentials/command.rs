//! A command that prints credentials: run with limits, and killed with whoever waits for it.
//!
//! It runs without tokio's processes, which would put a handler for SIGCHLD into the host and a pair of sockets that parent
//! and child share. A host may take the exit status of our child away, by ignoring SIGCHLD or by waiting for any child: then
//! the status is unknown, and what was printed decides.

use futures::future::{Either, select, try_join};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::pin::pin;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

/// The longest output that is read.
const LONGEST: usize = 64 << 10;
/// How much is kept of what is printed on stderr. The rest is read and dropped.
const LONGEST_COMPLAINT: usize = 1 << 10;
/// How often it is looked whether the command has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long output is waited for after the end, where something that the command has started still holds its pipes.
const LINGER: Duration = Duration::from_millis(200);
/// More than so many processes below a command are not looked for.
const MOST_PROCESSES: usize = 1024;

/// What a command has printed.
pub struct Printed {
    pub output: Zeroizing<Vec<u8>>,
    /// The beginning of what it printed on stderr.
    pub complaint: String,
    /// None: somebody else in this process has taken it.
    pub status: Option<ExitStatus>,
}

/// Runs a command by the shell until it ends. If the future is dropped, the command and all that it has started are killed.
pub async fn run(command: &str) -> io::Result<Printed> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(shell.spawn()?);
    let stdout = running.0.stdout.take().expect("it was asked for");
    let stderr = running.0.stderr.take().expect("it was asked for");
    let (mut output, mut complaint) = (Zeroizing::new(Vec::new()), Vec::new());
    let status = {
        let printing = async { read_all(&mut Receiver::from_owned_fd(stdout.into())?, &mut output).await };
        let complaining = async { read_beginning(&mut Receiver::from_owned_fd(stderr.into())?, &mut complaint).await };
        let mut printed = pin!(try_join(printing, complaining));
        let mut ended = pin!(running.ended());
        match select(printed.as_mut(), ended.as_mut()).await {
            Either::Left((printed, _)) => {
                printed?;
                ended.await
            }
            Either::Right((status, _)) => {
                timeout(LINGER, printed).await.unwrap_or_else(|_| Ok(Default::default()))?;
                status
            }
        }
    };
    Ok(Printed { output, complaint: String::from_utf8_lossy(&complaint).into_owned(), status })
}

/// Appends all that comes to `bytes`, and fails where that is too much.
async fn read_all(pipe: &mut Receiver, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.reserve_exact(LONGEST);
    while read_more(pipe, bytes, LONGEST).await? {}
    match pipe.read(&mut [0]).await? {
        0 => Ok(()),
        _ => Err(io::Error::other(format!("it prints more than {} KiB", LONGEST >> 10))),
    }
}

/// Appends the beginning of what comes to `bytes`, and drops the rest.
async fn read_beginning(pipe: &mut Receiver, bytes: &mut Vec<u8>) -> io::Result<()> {
    while read_more(pipe, bytes, LONGEST_COMPLAINT).await? {}
    while pipe.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

/// Appends what comes next. False at the end, and where there are `most` bytes.
async fn read_more(pipe: &mut Receiver, bytes: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    let left = (most - bytes.len()) as u64;
    Ok(left > 0 && pipe.take(left).read_buf(bytes).await? > 0)
}

/// A child that is killed when this is dropped before it has ended.
struct Running(Child);

impl Running {
    /// Waits for the end. None: its status is gone.
    async fn ended(&mut self) -> Option<ExitStatus> {
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => sleep(LOOK_AGAIN).await,
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What has ended is waited for already, or was by somebody else: its number may be another process's.
        if let Ok(None) = self.0.try_wait() {
            for process in below(self.0.id()).into_iter().rev() {
                let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            }
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// The processes that a process has started, and those that these have started, as far as the kernel tells.
fn below(process: u32) -> Vec<i32> {
    let children = |process: u32| {
        let list = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        list.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<i32>>()
    };
    let mut found = children(process);
    let mut looked_at = 0;
    while let Some(next) = found.get(looked_at).copied().filter(|_| found.len() < MOST_PROCESSES) {
        found.extend(children(next.unsigned_abs()));
        looked_at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn what_a_command_prints_comes_back_with_its_status_and_its_complaint() {
        let printed = run("echo one; echo two >&2; exit 3").await.unwrap();
        assert_eq!((&printed.output[..], printed.complaint.as_str()), (&b"one\n"[..], "two\n"));
        assert_eq!(printed.status.unwrap().code(), Some(3));
    }

    #[tokio::test]
    async fn a_command_that_prints_for_ever_is_given_up_and_what_it_says_on_stderr_is_cut() {
        let error = run("exec yes").await.err().expect("it has no end");
        assert!(error.to_string().contains("more than 64 KiB"), "{error}");
        let printed = run("head -c 3000000 /dev/zero >&2; echo done").await.unwrap();
        assert_eq!((&printed.output[..], printed.complaint.len()), (&b"done\n"[..], LONGEST_COMPLAINT));
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_does_not_keep_its_reader() {
        let began = Instant::now();
        let printed = run("sleep 60 & echo done; echo $!").await.unwrap();
        let (done, pid) = std::str::from_utf8(&printed.output).unwrap().split_once('\n').unwrap();
        assert_eq!(done, "done");
        assert!(began.elapsed() < Duration::from_secs(30));
        kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    #[tokio::test]
    async fn a_command_is_killed_with_all_that_it_has_started_when_nobody_waits_for_it_any_more() {
        let pids = std::env::temp_dir().join(format!("bedrock-command-{}", std::process::id()));
        let command = format!("(sleep 60; true) & echo $! > {0}; echo $$ >> {0}; wait", pids.display());
        let mut running = Box::pin(run(&command));
        let (mut left, mut looks) = (Vec::<i32>::new(), 0);
        while left.len() < 2 {
            assert!(timeout(LOOK_AGAIN, running.as_mut()).await.is_err(), "it waits");
            let text = std::fs::read_to_string(&pids).unwrap_or_default();
            left = text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            looks += 1;
            assert!(looks < 1000);
        }
        left.extend(below(left[0].unsigned_abs()));
        drop(running);
        std::fs::remove_file(&pids).unwrap();
        for pid in left {
            // One whose parent is gone may still wait for the init process to take note.
            let stat = format!("/proc/{pid}/stat");
            let lives = || std::fs::read_to_string(&stat).is_ok_and(|state| !state.contains(") Z "));
            // The kernel ends a process at its own time.
            for _ in 0..1000 {
                if !lives() {
                    break;
                }
                sleep(LOOK_AGAIN).await;
            }
            assert!(!lives(), "{pid} lives on");
        }
    }
}
