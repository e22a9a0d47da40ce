//! Reading files without trusting them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::rules::{CONTROL_CHARACTER, NOT_A_FILE, NOT_UTF8, OUTSIDE, TOO_LARGE, UNREADABLE};
use crate::diagnostic::{Diagnostic, Place, is_bidirectional_control};

/// Largest spec, prompt or other file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a spec file by the path that a person gave.
///
/// # Errors
/// A diagnostic when it is not a plain UTF-8 file of at most [`MAX_FILE_BYTES`]. If only control
/// characters are wrong, the text comes back with the diagnostic.
pub fn read_spec_file(path: &Path) -> Result<String, Box<(Diagnostic, String)>> {
    read_plain(path, Place::File(file_name(path)), "")
}

/// Why bytes were not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// There is no such file.
    Missing,
    /// It has more bytes than were asked for.
    TooLarge,
    /// Another reason, in words.
    Refused(String),
}

/// The folder of a stack: the only place its spec may name files in.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    /// The texts that stand in it, where none is read from the disk.
    texts: Option<BTreeMap<String, String>>,
}

impl Folder {
    /// The folder that holds `spec_path`.
    pub fn of(spec_path: &Path) -> Self {
        let parent = spec_path.parent().filter(|p| !p.as_os_str().is_empty());
        Self { root: parent.unwrap_or(Path::new(".")).to_owned(), texts: None }
    }

    /// A folder that holds `texts`, by the names that a spec gives them, and nothing else; nothing is read
    /// from the disk.
    pub fn in_memory(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { root: PathBuf::new(), texts: Some(texts.into_iter().collect()) }
    }

    /// The same with an empty text for each of `names` that it does not hold; a folder of the disk is left
    /// as it is.
    #[must_use]
    pub fn with_empty<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        if let Some(texts) = &mut self.texts {
            for name in names {
                texts.entry(name.to_owned()).or_default();
            }
        }
        self
    }

    /// Reads `name`, which a spec gave at `place`.
    ///
    /// # Errors
    /// A diagnostic at `place`, or in the file itself for its content, which then comes with it.
    pub fn read(&self, name: &str, place: &Place) -> Result<String, Box<(Diagnostic, String)>> {
        let refuse = |why: &str| {
            let message = format!("the path `{name}` {why}");
            let finding = Diagnostic::new(&OUTSIDE, place.clone(), message);
            Box::new((finding.help("move the file into the folder of the spec and name it relative to that folder"), String::new()))
        };
        if let Some(texts) = &self.texts {
            let absent = || Diagnostic::new(&UNREADABLE, place.clone(), format!("cannot read `{name}`: there is no such text"));
            return texts.get(name).cloned().ok_or_else(|| Box::new((absent(), String::new())));
        }
        let path = self.path_of(name).map_err(refuse)?;
        read_plain(&path, place.clone(), name)
    }

    /// The bytes of `name`, which may be anything, up to `most` of them.
    ///
    /// # Errors
    /// It leaves the folder, is no plain file, is larger, or cannot be read.
    pub fn read_bytes(&self, name: &str, most: u64) -> Result<Vec<u8>, Unread> {
        if let Some(texts) = &self.texts {
            return texts.get(name).map(|text| text.as_bytes().to_vec()).ok_or(Unread::Missing);
        }
        let path = self.path_of(name).map_err(|why| Unread::Refused(format!("the path {why}")))?;
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Unread::Missing,
            _ => Unread::Refused(plain(&error)),
        };
        // The type is asked before opening, because opening a pipe blocks.
        let metadata = fs::metadata(&path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Unread::Refused("it is not a plain file".to_owned()));
        }
        let mut bytes = Vec::new();
        fs::File::open(path).and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes)).map_err(unreadable)?;
        if bytes.len() as u64 > most { Err(Unread::TooLarge) } else { Ok(bytes) }
    }

    /// The path of `name`, which a spec gave, on the disk; or what is wrong with it.
    fn path_of(&self, name: &str) -> Result<PathBuf, &'static str> {
        if name.is_empty() || name.contains('\\') || name.contains('\0') {
            return Err("is not a relative path with `/` between folders");
        }
        let mut path = self.root.clone();
        for component in Path::new(name).components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => continue,
                Component::ParentDir => return Err("leaves the folder of the spec through `..`"),
                Component::RootDir | Component::Prefix(_) => return Err("is absolute"),
            }
            if fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink()) {
                return Err("goes through a symbolic link");
            }
        }
        Ok(path)
    }

    /// Whether `name`, which may be anything, is a folder inside; reading it says what is wrong with it.
    pub fn is_folder(&self, name: &str) -> bool {
        match &self.texts {
            Some(texts) => {
                let folder = format!("{}/", name.trim_end_matches('/'));
                texts.range(folder.clone()..).next().is_some_and(|(text, _)| text.starts_with(&folder))
            }
            None => self.inside(name).is_some_and(|path| path.is_dir()),
        }
    }

    /// Whether `name` is a plain file inside.
    pub fn is_file(&self, name: &str) -> bool {
        match &self.texts {
            Some(texts) => texts.contains_key(name),
            None => self.inside(name).is_some_and(|path| path.is_file()),
        }
    }

    /// Whether anything stands inside under the name of a file, `name`, whatever it is; reading it says what is
    /// wrong with it.
    pub fn holds(&self, name: &str) -> bool {
        match &self.texts {
            Some(texts) => texts.contains_key(name),
            // What cannot be seen may be there.
            None => !matches!(fs::symlink_metadata(self.root.join(name)), Err(error) if error.kind() == io::ErrorKind::NotFound),
        }
    }

    /// The path of `name` where it stays inside.
    fn inside(&self, name: &str) -> Option<PathBuf> {
        let stays = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        (stays && !name.contains('\0')).then(|| self.root.join(name))
    }

    /// The path of `name` inside the folder, for showing.
    pub fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Reads a plain UTF-8 file. `place` names who asked for it; `name` is its name in `Place::Text`.
fn read_plain(path: &Path, place: Place, name: &str) -> Result<String, Box<(Diagnostic, String)>> {
    let shown = if name.is_empty() { path.display().to_string() } else { name.to_owned() };
    let refuse = |rule, message: String| Box::new((Diagnostic::new(rule, place.clone(), message), String::new()));
    let unreadable = |error: io::Error| refuse(&UNREADABLE, format!("cannot read `{shown}`: {}", plain(&error)));
    // The type is asked before opening, because opening a pipe blocks.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(refuse(&NOT_A_FILE, format!("`{shown}` is not a plain file")));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(refuse(&TOO_LARGE, format!("`{shown}` is larger than {} KiB", MAX_FILE_BYTES / 1024)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        refuse(&NOT_UTF8, format!("`{shown}` is not UTF-8: byte {at} cannot be decoded"))
    })?;
    match text.char_indices().find(|(at, c)| is_hidden(*c) && !(*at == 0 && *c == '\u{FEFF}')) {
        None => Ok(text),
        Some((at, c)) => {
            let place = Place::Text { file: name.to_owned(), range: at..at + c.len_utf8() };
            let message = format!("`{shown}` contains the hidden character U+{:04X}", u32::from(c));
            Err(Box::new((Diagnostic::new(&CONTROL_CHARACTER, place, message).label("here").help("delete it"), text)))
        }
    }
}

/// Characters that a reviewer cannot see and that no spec or prompt needs.
fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_bidirectional_control(c) || c == '\u{FEFF}'
}

/// The system's words without its error number, which differs between platforms.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}
