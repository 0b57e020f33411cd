//! What the pipeline needs to know about the forms of keys: [`KeyShapes`], which the catalogue of providers implements.

/// How much a form says about who the key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Telling {
    /// Too wide to say anything: letters and digits of some length.
    Nothing,
    /// Several providers use it; the variable or the slot decides (`sk-` and 32 hex digits).
    Shared,
    /// It names the provider (`sk-ant-api03-`).
    Names,
}

/// One form that a text has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape<'a> {
    /// The provider in the catalogue.
    pub provider: &'a str,
    /// The kind of key.
    pub kind: &'a str,
    /// What the form says.
    pub telling: Telling,
    /// The form allows one length, or a few, and not "at least".
    pub fixed_length: bool,
    /// The literal beginning, possibly empty.
    pub prefix: &'a str,
}

/// The forms of keys.
pub trait KeyShapes {
    /// All forms that the whole text has.
    fn shapes_of(&self, text: &str) -> Vec<Shape<'_>>;
    /// The literal beginnings that name a provider, whatever follows; sorted.
    fn prefixes(&self) -> &[String];
    /// Whether any word may be a key: form, length and what guides write say nothing then.
    fn any_form(&self) -> bool {
        false
    }
}

/// No forms at all: what a server of the person's own takes for a key.
#[derive(Clone, Copy, Debug)]
pub struct AnyForm;

impl KeyShapes for AnyForm {
    fn shapes_of(&self, _text: &str) -> Vec<Shape<'_>> {
        Vec::new()
    }

    fn prefixes(&self) -> &[String] {
        &[]
    }

    fn any_form(&self) -> bool {
        true
    }
}

/// All forms that the whole text has, without those that a longer known beginning rules out: what starts with
/// `sk-ant-oat01-` is not an old `sk-ant-` key, whatever its length.
pub(super) fn all<'a>(shapes: &'a dyn KeyShapes, text: &str) -> Vec<Shape<'a>> {
    let longest = prefix(shapes, text).unwrap_or("");
    let mut found = shapes.shapes_of(text);
    found.retain(|shape| shape.prefix.is_empty() || shape.prefix.len() >= longest.len());
    found
}

/// The form that says most; one of the expected provider before others.
pub(super) fn best<'a>(shapes: &'a dyn KeyShapes, text: &str, expected: Option<&str>) -> Option<Shape<'a>> {
    let rank = |shape: &Shape| (expected == Some(shape.provider), shape.telling, shape.fixed_length);
    // The first of equals: the catalogue's order decides.
    all(shapes, text)
        .into_iter()
        .filter(|shape| shape.telling > Telling::Nothing || expected == Some(shape.provider))
        .rev()
        .max_by_key(rank)
}

/// The longest known beginning of the text.
pub(super) fn prefix<'a>(shapes: &'a dyn KeyShapes, text: &'a str) -> Option<&'a str> {
    beginnings(shapes, text).max_by_key(|prefix| prefix.len())
}

/// All known beginnings of the text.
pub(super) fn beginnings<'a>(shapes: &'a dyn KeyShapes, text: &'a str) -> impl Iterator<Item = &'a str> {
    let (known, first) = (shapes.prefixes(), text.bytes().next().unwrap_or_default());
    let from = known.partition_point(|prefix| prefix.bytes().next().is_some_and(|own| own < first));
    let alike = known[from..].iter().take_while(move |prefix| prefix.bytes().next() == Some(first));
    alike.map(String::as_str).filter(move |prefix| text.starts_with(prefix))
}
