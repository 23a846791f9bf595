//! Starts and stops the server, which is a separate process.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// The server's process. It exits at the end of its stdin, however this process ends.
pub struct Server {
    pub url: String,
    /// The URL for HTTP/2 over TLS.
    pub secure_url: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts the server, which writes its certificate authority into the file `authority`.
    pub fn start(executable: &Path, authority: &Path) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(executable);
        command.args(["server", "--until-eof", "--authority"]).arg(authority);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut next = || lines.next().ok_or("the server printed no URL")?.map_err(Box::<dyn Error>::from);
        Ok(Self { url: next()?, secure_url: next()?, stdin: child.stdin.take(), child })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
