//! The live log of a run: server-sent events, taken up again where they broke off.

use super::client::{Product, Refused, checked};
use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// Breaks in a row before it is given up.
const TRIES: u32 = 30;

/// One event: its name, its number, its data.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    id: Option<i64>,
    data: String,
}

/// Takes bytes as they come, gives events when they are whole.
#[derive(Debug, Default)]
struct Parser {
    held: Vec<u8>,
    event: Event,
}

impl Parser {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) {
        self.held.extend_from_slice(bytes);
        while let Some(end) = self.held.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.held.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\r', '\n']), out);
        }
    }

    fn line(&mut self, line: &str, out: &mut Vec<Event>) {
        if line.is_empty() {
            if !self.event.data.is_empty() {
                out.push(std::mem::take(&mut self.event));
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = value.parse().ok(),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments keep the line open; other fields are not ours.
            _ => {}
        }
    }
}

/// Calls `line` for each record of the log, and gives the run when it has ended. A break is bridged: no record comes twice,
/// none is left out.
pub(super) async fn follow(
    product: &Product,
    id: &str,
    tail: Option<u32>,
    mut line: impl FnMut(&Value),
) -> anyhow::Result<Value> {
    let (mut last, mut breaks) = (None::<i64>, 0);
    loop {
        match follow_once(product, id, tail, &mut last, &mut line).await {
            Ok(Some(run)) => return Ok(run),
            Ok(None) => breaks = 0,
            // What is refused for good stays refused; a product that starts again does not.
            Err(error) if error.downcast_ref::<Refused>().is_some_and(|r| r.status < 500) => return Err(error),
            Err(error) if breaks >= TRIES => return Err(error).context("the log broke off for good"),
            Err(_) => breaks += 1,
        }
        tokio::time::sleep(Duration::from_millis(if breaks == 0 { 100 } else { 1_000 })).await;
    }
}

async fn follow_once(
    product: &Product,
    id: &str,
    tail: Option<u32>,
    last: &mut Option<i64>,
    line: &mut impl FnMut(&Value),
) -> anyhow::Result<Option<Value>> {
    let begin = tail.map(|tail| format!("?tail={tail}")).unwrap_or_default();
    let path = format!("/runs/{id}/logs/stream{}", if last.is_some() { "" } else { begin.as_str() });
    let mut request = product.request(Method::GET, &path);
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let answer = checked(&format!("GET {path}"), request.send().await?).await?;
    let (mut bytes, mut parser, mut events) = (answer.bytes_stream(), Parser::default(), Vec::new());
    let before = *last;
    // The product sends a sign of life every 15 s.
    while let Some(piece) = tokio::time::timeout(Duration::from_secs(60), bytes.next()).await? {
        parser.push(&piece?, &mut events);
        for event in events.drain(..) {
            let data: Value = serde_json::from_str(&event.data).context("an event of the log is no JSON")?;
            match event.name.as_str() {
                "log" => {
                    line(&data);
                    *last = event.id.or(*last);
                }
                "end" => return Ok(Some(data)),
                _ => {}
            }
        }
    }
    if *last == before {
        bail!("the log ended without its end");
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_from_any_pieces() {
        let text = ": hello\n\nid: 7\nevent: log\ndata: {\"text\":\"a: b ü\"}\n\nevent: end\r\ndata: {}\r\n\r\n";
        for size in 1..text.len() {
            let (mut parser, mut events) = (Parser::default(), Vec::new());
            text.as_bytes().chunks(size).for_each(|piece| parser.push(piece, &mut events));
            assert_eq!(events.len(), 2, "pieces of {size}");
            assert_eq!((events[0].id, events[0].data.as_str()), (Some(7), "{\"text\":\"a: b ü\"}"));
            assert_eq!(events[1].name, "end");
        }
    }
}
