//! The words of `coregit sync …`.

use clap::{Args, Subcommand};

/// `coregit sync …`
#[derive(Debug, Subcommand)]
pub enum Sync {
    /// Sync configs
    #[command(subcommand)]
    Config(SyncConfigs),
    /// Change a sync (the same as `sync config update`)
    Update {
        /// Id or label
        sync: String,
        #[command(flatten)]
        options: SyncOptions,
    },
    /// Run a sync now, in the foreground
    Trigger {
        /// Id or label
        sync: String,
        /// Another branch, for this run only
        #[arg(long)]
        branch: Option<String>,
        /// Print the plan and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Past runs of a repository
    History {
        /// Slug or path
        repo: String,
        /// How many (1 to 100)
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Every sync: state, lag, last run, next try, what is wrong and what to do
    Status {
        /// Slug or path
        repo: Option<String>,
    },
    /// Prove again that both sides are equal, and name what moved
    Verify {
        /// Id or label
        sync: String,
    },
    /// Stop running a sync by itself
    Pause {
        /// Id or label
        sync: String,
    },
    /// Run it again
    Resume {
        /// Id or label
        sync: String,
    },
}

/// `coregit sync config …`
#[derive(Debug, Subcommand)]
pub enum SyncConfigs {
    /// Link a repository to a remote repository
    Create {
        /// Slug or path
        repo: String,
        /// The connection's id or label
        #[arg(long, value_name = "ID_OR_LABEL")]
        connection: String,
        /// Their repository
        #[arg(long, value_name = "OWNER/REPO")]
        remote: String,
        #[command(flatten)]
        options: SyncOptions,
    },
    /// Show the syncs of a repository
    Get {
        /// Slug or path
        repo: String,
    },
    /// Change a sync
    Update {
        /// Id or label
        sync: String,
        #[command(flatten)]
        options: SyncOptions,
    },
    /// Delete a sync; its history stays
    Delete {
        /// Id or label
        sync: String,
    },
}

/// What a sync can be told (`docs/operations.md`).
#[derive(Debug, Default, Args)]
pub struct SyncOptions {
    /// export [import comes with a later version]
    #[arg(long)]
    pub direction: Option<String>,
    /// snapshot or history
    #[arg(long)]
    pub mode: Option<String>,
    /// auto, git or api
    #[arg(long)]
    pub via: Option<String>,
    /// The branch, for snapshots
    #[arg(long)]
    pub branch: Option<String>,
    /// A refspec, for history: include, ^exclude or rename:to (repeatable)
    #[arg(long, value_name = "SPEC")]
    pub refs: Vec<String>,
    /// Run after every push
    #[arg(long, overrides_with = "no_auto_sync")]
    pub auto_sync: bool,
    /// Run only when told
    #[arg(long, overrides_with = "auto_sync")]
    pub no_auto_sync: bool,
    /// Both sides moved: merge, stop or overwrite
    #[arg(long)]
    pub on_divergence: Option<String>,
    /// The same path changed on both sides: stop, local or remote
    #[arg(long)]
    pub conflict: Option<String>,
    /// Delete there what is gone here: never or managed
    #[arg(long)]
    pub prune: Option<String>,
    /// Most refs that one run may force or delete [default: 20]
    #[arg(long, value_name = "REFS")]
    pub guard: Option<u32>,
    /// Most of a tree, in percent, that one run may delete [default: 50]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub guard_percent: Option<u8>,
    /// A tag that moved here moves there
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub accept_tag_move: Option<bool>,
    /// Reconcile at least this often (15m, 2h; `never`)
    #[arg(long)]
    pub interval: Option<String>,
    /// Its name [default: the connection's label]
    #[arg(long)]
    pub label: Option<String>,
}
