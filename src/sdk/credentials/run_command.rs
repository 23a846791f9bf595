//! Runs a command with limits, and kills it when its output is no longer needed.
//!
//! tokio's processes are not used: they would install a handler for SIGCHLD in the program, and a pair of sockets that
//! parent and child share. The program may reap the command, by ignoring SIGCHLD or by waiting for any child. Its exit
//! status is then unknown, and its output decides.

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

/// The maximum length of the output.
const MAX_STDOUT: usize = 64 << 10;
/// The maximum length of the part of stderr that is kept. The rest is read and dropped.
const MAX_STDERR: usize = 1 << 10;
/// The interval at which the exit of the command is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// The time for the rest of the output after the exit, if a process that the command has started still holds its pipes.
const LINGER: Duration = Duration::from_millis(200);
/// The maximum number of descendants that are killed.
const MAX_DESCENDANTS: usize = 1024;

/// The output of a command, and its exit status.
pub struct Printed {
    pub stdout: Zeroizing<Vec<u8>>,
    /// The beginning of stderr.
    pub stderr: String,
    /// None if the program has reaped the command.
    pub status: Option<ExitStatus>,
}

/// Runs a command in the shell until it exits. If the future is dropped, the command and its descendants are killed.
pub async fn run(command: &str) -> io::Result<Printed> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(shell.spawn()?);
    let out = running.0.stdout.take().expect("stdout is piped");
    let err = running.0.stderr.take().expect("stderr is piped");
    let (mut stdout, mut stderr) = (Zeroizing::new(Vec::new()), Vec::new());
    let status = {
        let read_stdout = async { read_all(&mut Receiver::from_owned_fd(out.into())?, &mut stdout).await };
        let read_stderr = async { read_beginning(&mut Receiver::from_owned_fd(err.into())?, &mut stderr).await };
        let mut reading = pin!(try_join(read_stdout, read_stderr));
        let mut exited = pin!(running.exited());
        match select(reading.as_mut(), exited.as_mut()).await {
            Either::Left((read, _)) => {
                read?;
                exited.await
            }
            Either::Right((status, _)) => {
                timeout(LINGER, reading).await.unwrap_or_else(|_| Ok(Default::default()))?;
                status
            }
        }
    };
    Ok(Printed { stdout, stderr: String::from_utf8_lossy(&stderr).into_owned(), status })
}

/// Appends all bytes of a pipe to `bytes`. Fails if they are too many.
async fn read_all(pipe: &mut Receiver, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.reserve_exact(MAX_STDOUT);
    while read_more(pipe, bytes, MAX_STDOUT).await? {}
    match pipe.read(&mut [0]).await? {
        0 => Ok(()),
        _ => Err(io::Error::other(format!("it prints more than {} KiB", MAX_STDOUT >> 10))),
    }
}

/// Appends the first bytes of a pipe to `bytes`, and drops the rest.
async fn read_beginning(pipe: &mut Receiver, bytes: &mut Vec<u8>) -> io::Result<()> {
    while read_more(pipe, bytes, MAX_STDERR).await? {}
    while pipe.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

/// Appends the next bytes of a pipe. Returns false at its end, and once there are `most` bytes.
async fn read_more(pipe: &mut Receiver, bytes: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    let left = (most - bytes.len()) as u64;
    Ok(left > 0 && pipe.take(left).read_buf(bytes).await? > 0)
}

/// A child process that is killed if this is dropped before its exit.
struct Running(Child);

impl Running {
    /// Waits for the exit. Returns None if the status is unknown.
    async fn exited(&mut self) -> Option<ExitStatus> {
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => sleep(POLL_INTERVAL).await,
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A process that has exited is reaped already. Its id may belong to another process.
        if let Ok(None) = self.0.try_wait() {
            for process in descendants(self.0.id()).into_iter().rev() {
                let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            }
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Returns the descendants of a process, as far as the kernel knows them.
fn descendants(process: u32) -> Vec<i32> {
    let children = |process: u32| {
        let list = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        list.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<i32>>()
    };
    let mut found = children(process);
    let mut visited = 0;
    while let Some(next) = found.get(visited).copied().filter(|_| found.len() < MAX_DESCENDANTS) {
        found.extend(children(next.unsigned_abs()));
        visited += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn the_output_of_a_command_is_returned_with_its_status_and_its_stderr() {
        let printed = run("echo one; echo two >&2; exit 3").await.unwrap();
        assert_eq!((&printed.stdout[..], printed.stderr.as_str()), (&b"one\n"[..], "two\n"));
        assert_eq!(printed.status.unwrap().code(), Some(3));
    }

    #[tokio::test]
    async fn endless_output_is_an_error_and_a_long_stderr_is_cut() {
        let error = run("exec yes").await.err().expect("its output is endless");
        assert!(error.to_string().contains("more than 64 KiB"), "{error}");
        let printed = run("head -c 3000000 /dev/zero >&2; echo done").await.unwrap();
        assert_eq!((&printed.stdout[..], printed.stderr.len()), (&b"done\n"[..], MAX_STDERR));
    }

    #[tokio::test]
    async fn a_process_that_a_command_leaves_behind_does_not_block_the_reader() {
        let began = Instant::now();
        let printed = run("sleep 60 & echo done; echo $!").await.unwrap();
        let (done, pid) = std::str::from_utf8(&printed.stdout).unwrap().split_once('\n').unwrap();
        assert_eq!(done, "done");
        assert!(began.elapsed() < Duration::from_secs(30));
        kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    #[tokio::test]
    async fn a_command_is_killed_with_its_descendants_when_its_output_is_no_longer_needed() {
        let pids = std::env::temp_dir().join(format!("bedrock-command-{}", std::process::id()));
        let command = format!("(sleep 60; true) & echo $! > {0}; echo $$ >> {0}; wait", pids.display());
        let mut running = Box::pin(run(&command));
        let (mut left, mut looks) = (Vec::<i32>::new(), 0);
        while left.len() < 2 {
            assert!(timeout(POLL_INTERVAL, running.as_mut()).await.is_err(), "it waits");
            let text = std::fs::read_to_string(&pids).unwrap_or_default();
            left = text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            looks += 1;
            assert!(looks < 1000);
        }
        left.extend(descendants(left[0].unsigned_abs()));
        drop(running);
        std::fs::remove_file(&pids).unwrap();
        for pid in left {
            // A process whose parent is gone may still wait to be reaped by the init process.
            let stat = format!("/proc/{pid}/stat");
            let lives = || std::fs::read_to_string(&stat).is_ok_and(|state| !state.contains(") Z "));
            for _ in 0..1000 {
                if !lives() {
                    break;
                }
                sleep(POLL_INTERVAL).await;
            }
            assert!(!lives(), "{pid} lives on");
        }
    }
}
