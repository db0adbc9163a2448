//! What a request asks for: equal ones get the same page.

use std::io;

use crate::encode::{Escaping, LeftOut, Options};
use crate::http::accept;
use crate::http::coding::{Body, Codings};
use crate::http::filter::{self, Names};
use crate::http::format::Format;
use crate::http::request::Request;
use crate::http::respond::Response;
use crate::model::{Kind, Snapshot};
use crate::name::Name;
use crate::registry::{Problem, View};
use crate::unit::Unit;

/// Methods that a page of metrics answers.
const ALLOWED: [&str; 2] = ["GET", "HEAD"];

/// What a request asks for. The page of a `HEAD` is that of its `GET`: the length is known only when the body is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Representation {
    format: Format,
    escaping: Option<Escaping>,
    codings: Codings,
    names: Option<Names>,
    created: bool,
}

impl Representation {
    /// What this request asks for, or why there is no page for it.
    pub(super) fn of(request: &Request<'_>) -> Result<Self, Response> {
        if !ALLOWED.contains(&request.method()) {
            return Err(Response::method_not_allowed(&ALLOWED.join(", ")));
        }
        let codings = Codings::of(request.lines("Accept-Encoding")).ok_or_else(Response::not_acceptable)?;
        let (format, escaping) = accept::choose(request.lines("Accept"));
        let (names, created) = (Names::of(request.target()), filter::wants_created(request.target()));
        Ok(Representation { format, escaping, codings, names, created })
    }

    /// The page of registries. What the format cannot show is counted and logged there.
    pub(super) fn of_view(&self, view: &View) -> Response {
        let snapshot = match &self.names {
            Some(names) => {
                view.snapshot_of(Some(&|name, kind, unit| names.want(&self.names_of(name, kind, unit))))
            }
            None => view.snapshot(),
        };
        self.page(&snapshot, |left_out| {
            view.note_problem(Problem::LeftOut, &left_out.family, || left_out.to_string());
        })
    }

    /// The page of a snapshot from elsewhere.
    pub(super) fn of_snapshot(&self, mut snapshot: Snapshot) -> Response {
        if let Some(names) = &self.names {
            snapshot.retain(|family| names.want(&self.names_of(&family.name, family.kind, &family.unit)));
        }
        self.page(&snapshot, |_| ())
    }

    /// The scheme of its names.
    fn names_by(&self) -> Escaping {
        self.escaping.unwrap_or_default()
    }

    fn names_of(&self, name: &Name, kind: Kind, unit: &Unit) -> Vec<String> {
        self.format.names(name, kind, unit, self.names_by())
    }

    fn page(&self, snapshot: &Snapshot, note: impl FnMut(&LeftOut)) -> Response {
        match self.write(snapshot, note) {
            Ok((body, coding)) => {
                let mut response =
                    Response::new(200, &self.format.content_type(self.escaping), body).varying();
                response.headers.extend(coding.map(|name| ("Content-Encoding", name.to_owned())));
                response
            }
            Err(error) => {
                log::warn!("tagmeter: a page could not be compressed: {error}");
                Response::plain(500, "the page could not be written\n")
            }
        }
    }

    fn write(
        &self,
        snapshot: &Snapshot,
        note: impl FnMut(&LeftOut),
    ) -> io::Result<(Vec<u8>, Option<&'static str>)> {
        let mut body = Body::new(self.codings);
        let options = Options::default().escaping(self.names_by());
        let options = if self.created { options.with_created() } else { options };
        self.format.write(snapshot, &options, &mut body)?.iter().for_each(note);
        body.finish()
    }
}
