//! Instructions, counted by valgrind's callgrind: the one figure here that is the same on a busy machine.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether there is a valgrind to run.
pub fn found() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Instructions in user space, by function; each function's own, without those it calls.
#[derive(Default)]
pub struct Profile(HashMap<Function, i64>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Function {
    object: String,
    name: String,
}

impl Profile {
    /// Runs a program to its end under callgrind.
    pub fn record(program: &mut Command, file: &Path) -> Result<Self, Box<dyn Error>> {
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null());
        let output = valgrind.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("valgrind: {}: {}", output.status, said.trim_end()).into());
        }
        let text = fs::read_to_string(file)?;
        let _ = fs::remove_file(file);
        let profile = Self::parse(&text);
        let total: i64 =
            text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap_or_default().trim().parse()?;
        if profile.total() != total {
            return Err(format!("callgrind counted {total} instructions, and {} were read", profile.total()).into());
        }
        Ok(profile)
    }

    /// Reads what callgrind wrote. Of its format matter here: `ob=` and `fn=`, which say whose the cost lines below
    /// them are; names, written out once and then by number; and `calls=`, whose next line is the callee's cost.
    fn parse(text: &str) -> Self {
        let mut names: HashMap<(bool, String), String> = HashMap::new();
        let mut name = |is_object: bool, text: &str| match text.split_once(' ') {
            Some((id, name)) => {
                names.insert((is_object, id.to_owned()), name.to_owned());
                name.to_owned()
            }
            None => names.get(&(is_object, text.to_owned())).cloned().unwrap_or_else(|| text.to_owned()),
        };
        let mut costs: HashMap<Function, i64> = HashMap::new();
        let (mut object, mut function, mut own) = (String::new(), String::new(), 0);
        let mut callees_cost = false;
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("fn=") {
                let done = Function { object: object.clone(), name: function };
                *costs.entry(done).or_default() += own;
                (function, own) = (name(false, value), 0);
            } else if let Some(value) = line.strip_prefix("ob=") {
                // Comes before the `fn=` it belongs to: the function so far ends here.
                let done = Function { object, name: std::mem::take(&mut function) };
                *costs.entry(done).or_default() += own;
                (object, own) = (name(true, value), 0);
            } else if let Some(value) = line.strip_prefix("cob=") {
                name(true, value);
            } else if let Some(value) = line.strip_prefix("cfn=") {
                name(false, value);
            } else if line.starts_with("calls=") {
                callees_cost = true;
            } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c))
                && !std::mem::take(&mut callees_cost)
            {
                own += line.split(' ').nth(1).and_then(|cost| cost.parse::<i64>().ok()).unwrap_or(0);
            }
        }
        *costs.entry(Function { object, name: function }).or_default() += own;
        costs.retain(|_, cost| *cost != 0);
        Self(costs)
    }

    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }

    /// The total without those functions whose names have this in them, in lower case.
    pub fn total_without(&self, part: &str) -> i64 {
        let others = self.0.iter().filter(|(function, _)| !function.name.to_lowercase().contains(part));
        others.map(|(_, cost)| cost).sum()
    }

    /// What this run needed and the shorter run did not: start-up and end cancel out.
    pub fn minus(mut self, shorter: &Self) -> Self {
        for (function, cost) in &shorter.0 {
            *self.0.entry(function.clone()).or_default() -= cost;
        }
        self
    }

    /// The costs by crate or library, largest first.
    pub fn layers(&self) -> Vec<(String, i64)> {
        let mut layers: HashMap<&str, i64> = HashMap::new();
        for (function, cost) in &self.0 {
            *layers.entry(function.layer()).or_default() += cost;
        }
        largest_first(layers.into_iter().map(|(layer, cost)| (layer.to_owned(), cost)))
    }

    /// The costs by function, largest first.
    pub fn functions(&self) -> Vec<(String, i64)> {
        largest_first(self.0.iter().map(|(function, cost)| (function.plain_name().to_owned(), *cost)))
    }
}

fn largest_first(costs: impl Iterator<Item = (String, i64)>) -> Vec<(String, i64)> {
    let mut costs: Vec<_> = costs.collect();
    costs.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    costs
}

impl Function {
    /// The name without the hash that the compiler puts behind it.
    fn plain_name(&self) -> &str {
        match self.name.rsplit_once("::h") {
            Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => name,
            _ => &self.name,
        }
    }

    /// The crate of a Rust function; the library of any other.
    fn layer(&self) -> &str {
        let name = self.plain_name();
        // What is dropped says more than that it is.
        let inner = name.strip_prefix("core::ptr::drop_in_place<").unwrap_or(name);
        let krate = inner.trim_start_matches(['<', '&', '*', '(', '[']);
        let krate = krate.strip_prefix("mut ").or_else(|| krate.strip_prefix("dyn ")).unwrap_or(krate);
        let end = krate.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(krate.len());
        if krate[end..].starts_with("::") {
            return match &krate[..end] {
                "core" | "alloc" | "std" => "std",
                krate => krate,
            };
        }
        let library = Path::new(&self.object).file_name().and_then(|file| file.to_str()).unwrap_or("");
        if name.starts_with("bedrock_") {
            "bedrock"
        } else if name.starts_with("__rust") || name.starts_with("_R") || name.starts_with("__rdl") {
            "std"
        } else if library.starts_with("libc.") || library.starts_with("libc-") || library.starts_with("libm") {
            "libc"
        } else if library.starts_with("ld-") || library.starts_with("ld.") {
            "dynamic linker"
        } else if library.starts_with("libbedrock") || library.starts_with("compare") {
            "C code within (TLS, memory)"
        } else if library == "stream" {
            "the C program"
        } else {
            "other"
        }
    }
}
