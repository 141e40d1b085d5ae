//! The words of the command line: what `clap` reads, nothing else.

mod sync;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use sync::{Sync, SyncConfigs, SyncOptions};

/// Keeps git repositories in step with GitHub and other hosts.
#[derive(Debug, Parser)]
#[command(name = "coregit", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// The home folder [default: $COREGIT_HOME, $XDG_DATA_HOME/coregit or ~/.local/share/coregit]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Answers in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the home folder, an identity, the keyring and the records
    Init {
        /// An age or SSH public key that can open the keyring too (repeatable)
        #[arg(long, value_name = "AGE_OR_SSH_KEY")]
        recipient: Vec<String>,
    },
    /// Tokens for hosts
    #[command(subcommand)]
    Connections(Connections),
    /// Repositories of this machine
    #[command(subcommand)]
    Repos(Repos),
    /// Links between a repository and a remote repository
    #[command(subcommand)]
    Sync(Sync),
    /// git hooks of a repository
    #[command(subcommand)]
    Hooks(Hooks),
    /// The keys that seal tokens
    #[command(subcommand)]
    Keyring(Keyring),
    /// Settings
    #[command(subcommand)]
    Config(Config),
    /// Run due syncs, sweep and retry
    Worker {
        /// End when nothing is left or due within 10 minutes
        #[arg(long)]
        drain: bool,
        /// Serve this repository only
        #[arg(long, value_name = "PATH", requires = "drain")]
        repo: Option<PathBuf>,
    },
    /// Keep a worker running
    #[command(subcommand)]
    Service(Service),
    /// Check everything; each finding comes with the command that mends it
    Doctor,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `coregit connections …`
#[derive(Debug, Subcommand)]
pub enum Connections {
    /// Check a token at its provider and keep it sealed
    Create(CreateConnection),
    /// List connections
    List,
    /// Show one connection
    Show {
        /// Id or label
        id: String,
    },
    /// Change the label or the token; the old token stays until the new one is proved
    Update {
        /// Id or label
        id: String,
        /// The new label
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        token: TokenSource,
    },
    /// Ask the provider whether tokens still work; reads only
    Test {
        /// Ids or labels
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// Every connection
        #[arg(long)]
        all: bool,
    },
    /// Delete a connection and the syncs that use it
    Delete {
        /// Id or label
        id: String,
    },
}

/// `coregit connections create …`
#[derive(Debug, Args)]
pub struct CreateConnection {
    /// The provider: github
    #[arg(long)]
    pub provider: String,
    /// How you call it
    #[arg(long)]
    pub label: String,
    /// The address of a self-hosted provider
    #[arg(long, value_name = "BASE")]
    pub url: Option<String>,
    #[command(flatten)]
    pub token: TokenSource,
    /// The id or client id of a GitHub App
    #[arg(long, value_name = "ID", requires = "private_key_file", conflicts_with_all = ["token_stdin", "token_file"])]
    pub app_id: Option<String>,
    /// The App's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "app_id")]
    pub private_key_file: Option<PathBuf>,
    /// The App's installation, where it has several
    #[arg(long, value_name = "ID", requires = "app_id")]
    pub installation: Option<u64>,
    /// Certificate authorities to trust for this host besides the system's (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Where a token is read from; never from the command line itself.
#[derive(Debug, Args)]
pub struct TokenSource {
    /// Read the token from standard input
    #[arg(long, conflicts_with = "token_file")]
    pub token_stdin: bool,
    /// Read the token from a file
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `coregit repos …`
#[derive(Debug, Subcommand)]
pub enum Repos {
    /// Adopt the bare repository at --path, or create one
    Create {
        /// NAME or NAMESPACE/NAME
        slug: String,
        /// An existing bare repository
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,
    },
    /// List repositories
    List,
    /// Show one repository, its syncs and its disk use
    Show {
        /// Slug or path
        repo: String,
    },
    /// Forget a repository; files stay unless --purge
    Delete {
        /// Slug or path
        repo: String,
        /// Remove its files too (only where coregit created them)
        #[arg(long)]
        purge: bool,
    },
}

/// `coregit hooks …`
#[derive(Debug, Subcommand)]
pub enum Hooks {
    /// Install pre-receive, update and post-receive; existing hooks still run
    Install {
        /// Slug or path
        repo: String,
        /// Allow a hooks folder that other repositories use too
        #[arg(long)]
        shared: bool,
    },
    /// Put back what was there
    Uninstall {
        /// Slug or path
        repo: String,
    },
    /// Run each hook with --version
    Status {
        /// Slug or path
        repo: String,
    },
}

/// `coregit keyring …`
#[derive(Debug, Subcommand)]
pub enum Keyring {
    /// Seal everything again under a new key
    Rotate,
    /// Who can open the keyring
    #[command(subcommand)]
    Recipients(Recipients),
    /// Open every key and every sealed field
    Check,
    /// Write the keys as an age file that stock `age` opens
    Export {
        /// The file to write; standard output without it
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// `coregit keyring recipients …`
#[derive(Debug, Subcommand)]
pub enum Recipients {
    /// Let another key open the keyring
    Add {
        /// age1… or an SSH public key
        recipient: String,
    },
    /// Let a key open it no longer
    Remove {
        /// age1… or an SSH public key
        recipient: String,
    },
    /// List them
    List,
}

/// `coregit config …`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Every setting, its value and where it came from
    Show,
}

/// `coregit service …`
#[derive(Debug, Subcommand)]
pub enum Service {
    /// Install a systemd unit (root), a user unit, or a cron line
    Install {
        /// Print what would be written, and where
        #[arg(long)]
        print: bool,
    },
    /// Remove it
    Uninstall,
}
