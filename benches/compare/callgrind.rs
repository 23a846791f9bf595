//! Instructions, counted by valgrind's callgrind. Load on the machine does not change them.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns whether valgrind is installed.
pub fn found() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Instructions in user space by function. Each figure is exclusive: it leaves out the functions that are called.
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
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("valgrind: {}: {}", output.status, stderr.trim_end()).into());
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

    /// Reads callgrind's output file. `ob=` and `fn=` name the object and the function of the cost lines below them.
    /// A name is written once, and is a number afterwards. The line after `calls=` is the callee's cost.
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
        let (mut object, mut function, mut exclusive) = (String::new(), String::new(), 0);
        let mut callees_cost = false;
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("fn=") {
                let done = Function { object: object.clone(), name: function };
                *costs.entry(done).or_default() += exclusive;
                (function, exclusive) = (name(false, value), 0);
            } else if let Some(value) = line.strip_prefix("ob=") {
                // It precedes the `fn=` of its object, so the current function ends here.
                let done = Function { object, name: std::mem::take(&mut function) };
                *costs.entry(done).or_default() += exclusive;
                (object, exclusive) = (name(true, value), 0);
            } else if let Some(value) = line.strip_prefix("cob=") {
                name(true, value);
            } else if let Some(value) = line.strip_prefix("cfn=") {
                name(false, value);
            } else if line.starts_with("calls=") {
                callees_cost = true;
            } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c))
                && !std::mem::take(&mut callees_cost)
            {
                exclusive += line.split(' ').nth(1).and_then(|cost| cost.parse::<i64>().ok()).unwrap_or(0);
            }
        }
        *costs.entry(Function { object, name: function }).or_default() += exclusive;
        costs.retain(|_, cost| *cost != 0);
        Self(costs)
    }

    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }

    /// Returns the total without the functions whose names in lower case contain `part`.
    pub fn total_without(&self, part: &str) -> i64 {
        let others = self.0.iter().filter(|(function, _)| !function.name.to_lowercase().contains(part));
        others.map(|(_, cost)| cost).sum()
    }

    /// Subtracts a shorter run, so that the start and the end of the program cancel out.
    pub fn minus(mut self, shorter: &Self) -> Self {
        for (function, cost) in &shorter.0 {
            *self.0.entry(function.clone()).or_default() -= cost;
        }
        self
    }

    /// Returns the costs by crate or library, largest first.
    pub fn layers(&self) -> Vec<(String, i64)> {
        let mut layers: HashMap<&str, i64> = HashMap::new();
        for (function, cost) in &self.0 {
            *layers.entry(function.layer()).or_default() += cost;
        }
        largest_first(layers.into_iter().map(|(layer, cost)| (layer.to_owned(), cost)))
    }

    /// Returns the costs by function, largest first.
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
    /// Returns the name without the compiler's hash at its end.
    fn plain_name(&self) -> &str {
        match self.name.rsplit_once("::h") {
            Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => name,
            _ => &self.name,
        }
    }

    /// Returns the crate of a Rust function, or the library of another function.
    fn layer(&self) -> &str {
        let name = self.plain_name();
        // The crate is that of the type that is dropped.
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
