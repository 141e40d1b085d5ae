//! The talk with git, line by line (gitremote-helpers(7)): capabilities, options, connections.

use std::io::{BufRead, Read, Write};

use crate::fallback::Fallback;
use crate::remote::Service;
use crate::trouble::Trouble;
use crate::upload::to_git;

/// What this helper can do. `fetch` and `push` are served only behind a `fallback`, by git's own helper.
const CAPABILITIES: &[u8] = b"connect\noption\nfetch\npush\ncheck-connectivity\nobject-format\n\n";

/// The options that git's own helper takes. Behind `connect` git does what they say by itself.
const OPTIONS: [&[u8]; 21] = [
    b"progress",
    b"verbosity",
    b"family",
    b"followtags",
    b"depth",
    b"deepen-since",
    b"deepen-not",
    b"deepen-relative",
    b"filter",
    b"cloning",
    b"check-connectivity",
    b"update-shallow",
    b"refetch",
    b"from-promisor",
    b"object-format",
    b"dry-run",
    b"cas",
    b"atomic",
    b"force-if-includes",
    b"push-option",
    b"pushcert",
];

/// What git says. A push takes it along to another thread.
pub type Input = Box<dyn BufRead + Send>;

/// What stands behind the helper: a host, or a repository of this home.
pub trait Far {
    /// Serves a whole talk of a service, from the empty line that accepts it on.
    fn connect(
        &mut self,
        service: Service,
        input: Input,
        output: &mut dyn Write,
    ) -> Result<Connected, Trouble>;

    /// An option of git's; most need nothing of us.
    fn heard(&mut self, _option: &[u8]) {}

    /// git's own helper, which then serves `list`, `fetch` and `push`. `options` are git's so far.
    fn fallback(&mut self, options: &[Vec<u8>]) -> Result<Fallback, Trouble>;
}

/// What became of a `connect`.
pub enum Connected {
    /// The talk was had.
    Done,
    /// Only git's own helper can; nothing was written, and the input comes back.
    Fallback(Input),
}

/// Answers git until it has nothing more to ask.
pub fn talk(far: &mut impl Far, mut input: Input, output: &mut dyn Write) -> Result<(), Trouble> {
    let mut options = Vec::new();
    let mut own: Option<Fallback> = None;
    while let Some(line) = read_text(&mut input)? {
        let (command, argument) = split(&line);
        match (command, &mut own) {
            (b"", _) => break,
            (b"capabilities", _) => say(output, CAPABILITIES)?,
            (b"connect", None) => {
                let service = std::str::from_utf8(argument).ok().and_then(Service::named);
                match far.connect(service.ok_or_else(|| unknown(&line))?, input, output)? {
                    Connected::Done => return Ok(()),
                    Connected::Fallback(back) => input = back,
                }
                own = Some(far.fallback(&options)?);
                say(output, b"fallback\n")?;
            }
            (b"connect", Some(_)) => say(output, b"fallback\n")?,
            (b"option", None) => {
                let known = OPTIONS.contains(&split(argument).0);
                far.heard(argument);
                say(output, if known { b"ok\n" } else { b"unsupported\n" })?;
                options.extend(known.then_some(line));
            }
            (b"option" | b"list" | b"fetch" | b"push", Some(own)) => own.relay(&line, &mut input, output)?,
            _ => return Err(unknown(&line)),
        }
    }
    own.map_or(Ok(()), Fallback::finish)
}

fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|b| *b == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, b""),
    }
}

fn unknown(line: &[u8]) -> Trouble {
    Trouble::new(format!("git asks for {:?}, which this helper does not do", String::from_utf8_lossy(line)))
}

/// Writes to git at once.
pub fn say(output: &mut dyn Write, text: &[u8]) -> Result<(), Trouble> {
    output.write_all(text).and_then(|()| output.flush()).map_err(to_git)
}

/// The longest line that is taken; ref names are at most a few kilobytes.
const LONGEST_LINE: u64 = 1 << 20;

/// A line without its line feed; `None` when the other side has closed its end. Ref names may be any bytes.
pub fn read_text(input: &mut dyn BufRead) -> Result<Option<Vec<u8>>, Trouble> {
    let mut line = Vec::new();
    let read = input.take(LONGEST_LINE).read_until(b'\n', &mut line);
    read.map_err(|e| Trouble::io("a line cannot be read", &e))?;
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        None => Ok(None),
        Some(_) => Err(Trouble::new("a line breaks off, or is longer than 1 MiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has one talk and says what it heard.
    #[derive(Default)]
    struct Near(Vec<u8>);

    impl Far for Near {
        fn connect(
            &mut self,
            service: Service,
            mut input: Input,
            output: &mut dyn Write,
        ) -> Result<Connected, Trouble> {
            input.read_to_end(&mut self.0).unwrap();
            say(output, format!("\n{}", service.name()).as_bytes())?;
            Ok(Connected::Done)
        }

        fn fallback(&mut self, _: &[Vec<u8>]) -> Result<Fallback, Trouble> {
            Err(Trouble::new("there is none"))
        }
    }

    fn heard(said: &str) -> (Result<(), Trouble>, String, Near) {
        let (mut near, mut output) = (Near::default(), Vec::new());
        let ended = talk(&mut near, Box::new(std::io::Cursor::new(said.as_bytes().to_vec())), &mut output);
        (ended, String::from_utf8(output).unwrap(), near)
    }

    #[test]
    fn options_are_answered_and_a_connection_gets_every_byte_behind_its_line() {
        let said =
            "capabilities\noption verbosity 1\noption servpath x\nconnect git-receive-pack\n0000PACK\n";
        let (ended, answers, near) = heard(said);
        ended.unwrap();
        let capabilities = String::from_utf8_lossy(CAPABILITIES);
        assert_eq!(answers, format!("{capabilities}ok\nunsupported\n\ngit-receive-pack"));
        assert_eq!(near.0, b"0000PACK\n");
    }

    #[test]
    fn a_talk_ends_at_an_empty_line_or_with_the_input() {
        assert!(heard("\nnonsense\n").0.is_ok());
        assert!(heard("").0.is_ok());
    }

    #[test]
    fn what_was_not_offered_is_refused() {
        for said in
            ["stateless-connect git-upload-pack\n", "import x\n", "connect git-shell\n", "list\n", "half"]
        {
            assert!(heard(said).0.is_err(), "{said:?}");
        }
    }
}
