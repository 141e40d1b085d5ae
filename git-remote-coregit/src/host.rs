//! A repository at a host as the far side of a talk.

use std::io::Write;

use coregit_http::{Client, Settings};
use tokio::runtime::Runtime;

use crate::discovery::First;
use crate::fallback::Fallback;
use crate::framing::{Sideband, Watch};
use crate::gits_own::OwnHelper;
use crate::login::Giver;
use crate::remote::{Coding, Destination, Remote, Service};
use crate::session::{Connected, Far, Input, say};
use crate::trouble::Trouble;
use crate::upload::{self, Opened};
use crate::{framing, receive};

/// A host that is spoken with by this client, and git's own helper for what it cannot.
pub struct Host {
    runtime: Runtime,
    remote: Remote,
    own: OwnHelper,
    /// Where the repository was before any rename.
    first_base: String,
    small: usize,
}

impl Host {
    /// Builds nothing of the network yet: `capabilities` alone needs none.
    pub fn new(
        runtime: Runtime,
        to: Destination,
        settings: &Settings,
        own: OwnHelper,
    ) -> Result<Self, Trouble> {
        let client = Client::new(settings)?;
        let small = to.shape.post_buffer;
        let first_base = to.url.base.clone();
        let remote = Remote::new(client, to);
        Ok(Self { runtime, remote, own, first_base, small })
    }

    fn fetch(&mut self, mut input: Input, output: &mut dyn Write) -> Result<Connected, Trouble> {
        let (runtime, remote) = (&self.runtime, &mut self.remote);
        runtime.block_on(async {
            let Opened::Version2(capabilities) = upload::open(remote).await? else {
                return Ok(Connected::Fallback(input));
            };
            say(output, &[b"\n", &capabilities[..]].concat())?;
            upload::relay(remote, &mut input, output).await?;
            Ok(Connected::Done)
        })
    }

    fn push(&mut self, input: Input, output: &mut dyn Write) -> Result<Connected, Trouble> {
        let (runtime, remote, small) = (&self.runtime, &mut self.remote, self.small);
        runtime.block_on(async {
            let Some(list) = receive::open(remote).await? else { return Ok(Connected::Fallback(input)) };
            say(output, b"\n")?;
            receive::advertise(remote, list, output).await?;
            receive::push(remote, input, output, small).await?;
            Ok(Connected::Done)
        })
    }

    /// An archive has no list of its own: the one for reading finds out where the repository is and who may
    /// read it. Then one request, one answer.
    fn archive(&mut self, mut input: Input, output: &mut dyn Write) -> Result<Connected, Trouble> {
        let (runtime, remote) = (&self.runtime, &mut self.remote);
        runtime.block_on(async {
            let First::Answer(_) = remote.advertisement(Service::UploadPack).await? else {
                return Ok(Connected::Fallback(input));
            };
            say(output, b"\n")?;
            let Some(request) = framing::read_request(&mut input)? else { return Ok(Connected::Done) };
            let service = Service::UploadArchive;
            let response = remote.post(service, request.into(), Coding::Plain).await?;
            let response = upload::check_kind(remote, response, service)?;
            upload::pass(remote, response, Watch::new(Sideband::Everywhere), output).await?;
            Ok(Connected::Done)
        })
    }
}

impl Far for Host {
    fn connect(
        &mut self,
        service: Service,
        input: Input,
        output: &mut dyn Write,
    ) -> Result<Connected, Trouble> {
        match service {
            Service::UploadPack => self.fetch(input, output),
            Service::ReceivePack => self.push(input, output),
            Service::UploadArchive => self.archive(input, output),
        }
    }

    fn fallback(&mut self, options: &[Vec<u8>]) -> Result<Fallback, Trouble> {
        let moved = self.remote.base != self.first_base;
        let url = if moved { self.remote.base.clone() } else { self.own.url.clone() };
        let told = self.remote.login.as_ref().filter(|login| matches!(login.giver, Giver::Git(_)));
        Fallback::start(&OwnHelper { url, ..self.own.clone() }, told, options)
    }

    fn heard(&mut self, option: &[u8]) {
        let verbosity =
            option.strip_prefix(b"verbosity ").and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
        self.remote.verbose |= verbosity.is_some_and(|v: u32| v > 1);
    }
}
