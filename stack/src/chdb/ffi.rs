//! The C interface of libchdb, as far as it is used, behind types that cannot be misused.
//!
//! The library is loaded at run time: building the platform needs neither it nor its header.
#![allow(unsafe_code, reason = "a C library can be called in no other way")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    marker::PhantomData,
    path::Path,
    ptr::NonNull,
    slice,
};

use libloading::Library;

type RawConnection = *mut c_void;
type RawResult = *mut c_void;

/// The functions of a loaded libchdb. The library is never unloaded: its threads run on.
#[derive(Clone, Copy)]
pub(super) struct Functions {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut RawConnection,
    close: unsafe extern "C" fn(*mut RawConnection),
    query: unsafe extern "C" fn(
        RawConnection,
        *const c_char,
        usize,
        *const c_char,
        usize,
        *const *const c_char,
        *const usize,
        *const *const c_char,
        *const usize,
        usize,
    ) -> RawResult,
    destroy: unsafe extern "C" fn(RawResult),
    buffer: unsafe extern "C" fn(RawResult) -> *const c_char,
    length: unsafe extern "C" fn(RawResult) -> usize,
    error: unsafe extern "C" fn(RawResult) -> *const c_char,
    rows_read: unsafe extern "C" fn(RawResult) -> u64,
    bytes_read: unsafe extern "C" fn(RawResult) -> u64,
}

impl Functions {
    /// Loads the library, and keeps its hands off this process's signals.
    pub(super) fn load(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: the file is the pinned libchdb or one the operator named instead; its initialisers
        // are made to run in any process. The signatures are those of its header, chdb.h, for the
        // pinned version: `chdb_connection` and `chdb_result` are opaque pointers there too.
        unsafe {
            let library = Library::new(path)?;
            let disable: unsafe extern "C" fn(c_int) =
                *library.get(b"chdb_set_signal_handlers_enabled\0")?;
            disable(0);
            let functions = Self {
                connect: *library.get(b"chdb_connect\0")?,
                close: *library.get(b"chdb_close_conn\0")?,
                query: *library.get(b"chdb_query_with_params_n\0")?,
                destroy: *library.get(b"chdb_destroy_query_result\0")?,
                buffer: *library.get(b"chdb_result_buffer\0")?,
                length: *library.get(b"chdb_result_length\0")?,
                error: *library.get(b"chdb_result_error\0")?,
                rows_read: *library.get(b"chdb_result_rows_read\0")?,
                bytes_read: *library.get(b"chdb_result_bytes_read\0")?,
            };
            std::mem::forget(library);
            Ok(functions)
        }
    }
}

/// A connection to the engine of this process; the first one starts the engine on its directory.
pub(super) struct Connection {
    functions: Functions,
    raw: NonNull<RawConnection>,
}

// SAFETY: the library allows many connections, each used from one thread at a time; which thread does
// not matter. `&mut self` on every call rules out two at once, and nothing is reachable through `&self`.
unsafe impl Send for Connection {}
// SAFETY: as above.
unsafe impl Sync for Connection {}

impl Connection {
    /// Connects, or returns `None` when the engine does not start or has another directory.
    pub(super) fn open(functions: Functions, directory: &str) -> Option<Self> {
        let program = CString::from(c"clickhouse").into_raw();
        let path = CString::new(format!("--path={directory}")).ok()?.into_raw();
        let mut arguments = [program, path];
        // SAFETY: two pointers to C strings, and the number two. The library copies what it keeps.
        let raw = unsafe { (functions.connect)(2, arguments.as_mut_ptr()) };
        for argument in [program, path] {
            // SAFETY: made by `into_raw` above, and given to nobody who frees it.
            drop(unsafe { CString::from_raw(argument) });
        }
        NonNull::new(raw).map(|raw| Self { functions, raw })
    }

    /// Runs a query to its end. `None` when the library has no answer at all.
    pub(super) fn query(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &[(String, String)],
    ) -> Option<Output<'_>> {
        let names: Vec<_> = parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<_> = parameters.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<_> = parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect();
        let value_lengths: Vec<_> = parameters.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: the connection is open, every pointer comes with the length of what it points to,
        // the four arrays have the length given last, and all of it outlives the call.
        let raw = unsafe {
            (self.functions.query)(
                *self.raw.as_ptr(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        let raw = NonNull::new(raw)?;
        Some(Output { functions: self.functions, raw, connection: PhantomData })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `open` and closed only here; no output outlives its borrow.
        unsafe { (self.functions.close)(self.raw.as_ptr()) }
    }
}

/// What a query brought.
pub(super) struct Output<'connection> {
    functions: Functions,
    raw: NonNull<c_void>,
    connection: PhantomData<&'connection mut Connection>,
}

impl Output<'_> {
    /// The engine's message when the query failed.
    pub(super) fn error(&self) -> Option<String> {
        // SAFETY: the result is alive; its message is null or a C string that lives as long.
        unsafe {
            let message = (self.functions.error)(self.raw.as_ptr());
            (!message.is_null()).then(|| CStr::from_ptr(message).to_string_lossy().into_owned())
        }
    }

    /// The rows in the format that was asked for.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the result is alive; its buffer holds `length` bytes and lives as long. An empty
        // one may be null, which a slice must not be.
        unsafe {
            let buffer = (self.functions.buffer)(self.raw.as_ptr());
            let length = (self.functions.length)(self.raw.as_ptr());
            if buffer.is_null() || length == 0 {
                return &[];
            }
            slice::from_raw_parts(buffer.cast(), length)
        }
    }

    /// How many rows were read to answer.
    pub(super) fn rows_read(&self) -> u64 {
        // SAFETY: the result is alive.
        unsafe { (self.functions.rows_read)(self.raw.as_ptr()) }
    }

    /// How many bytes were read to answer.
    pub(super) fn bytes_read(&self) -> u64 {
        // SAFETY: the result is alive.
        unsafe { (self.functions.bytes_read)(self.raw.as_ptr()) }
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        // SAFETY: returned by `query` and destroyed only here.
        unsafe { (self.functions.destroy)(self.raw.as_ptr()) }
    }
}
