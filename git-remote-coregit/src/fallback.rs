//! git's own helper as a child, for servers without protocol version 2 and for the dumb protocol: git's
//! lines go to it and its answers back.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::gits_own::OwnHelper;
use crate::login::Login;
use crate::session::{read_text, say};
use crate::trouble::Trouble;

/// A child that has been told git's options so far.
pub struct Fallback {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Fallback {
    /// Starts it and repeats the options. `told`: see [`OwnHelper::beside`].
    pub fn start(helper: &OwnHelper, told: Option<&Login>, options: &[Vec<u8>]) -> Result<Self, Trouble> {
        let (mut command, pipe) = helper.beside(told)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| Trouble::new(format!("git cannot be started: {e}")))?;
        drop(pipe);
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut own = Self { child, to, from };
        own.tell(b"capabilities")?;
        own.answers(&mut std::io::sink())?;
        for option in options {
            own.tell(option)?;
            own.answer()?;
        }
        Ok(own)
    }

    /// Passes one command of git on, with the rest of its batch, and its answer back.
    pub fn relay(
        &mut self,
        line: &[u8],
        input: &mut dyn BufRead,
        output: &mut dyn Write,
    ) -> Result<(), Trouble> {
        self.tell(line)?;
        if line.starts_with(b"option ") {
            let answer = self.answer()?;
            return say(output, &[&answer[..], b"\n"].concat());
        }
        if !line.starts_with(b"list") {
            while let Some(next) = read_text(input)? {
                self.tell(&next)?;
                if next.is_empty() {
                    break;
                }
            }
        }
        self.answers(output)
    }

    fn tell(&mut self, line: &[u8]) -> Result<(), Trouble> {
        let told = self.to.write_all(&[line, b"\n"].concat()).and_then(|()| self.to.flush());
        // It has said why on standard error.
        told.map_err(|_| Trouble::GitIsGone)
    }

    fn answer(&mut self) -> Result<Vec<u8>, Trouble> {
        read_text(&mut self.from)?.ok_or(Trouble::GitIsGone)
    }

    /// Copies lines up to and with the empty one.
    fn answers(&mut self, output: &mut dyn Write) -> Result<(), Trouble> {
        let mut all = Vec::new();
        loop {
            let line = self.answer()?;
            all.extend_from_slice(&line);
            all.push(b'\n');
            if line.is_empty() {
                return say(output, &all);
            }
        }
    }

    /// Ends it, and with it the talk.
    pub fn finish(mut self) -> Result<(), Trouble> {
        // Without the empty line it would end as if it had failed.
        let _ = self.tell(b"");
        drop(self.to);
        let _ = self.from.read_to_end(&mut Vec::new());
        let status = self.child.wait().map_err(|e| Trouble::io("git's own helper is lost", &e))?;
        if status.success() { Ok(()) } else { Err(Trouble::GitIsGone) }
    }
}
