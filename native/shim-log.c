// The json-file log, byte for byte as Docker writes it: a line per line of output, parts of 16 KiB, Go's JSON escaping, times
// in RFC 3339 with nanoseconds. Runs in the shim. A log that cannot be written never stops the container.
// moby: daemon/logger/copier.go, jsonfilelog/jsonlog/jsonlogbytes.go, loggerutils/logfile.go

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"
#include "text.h"

#define LONGEST_ESCAPE 6
#define ROOM 128  // for everything around the text of a line

static struct {
  size_t used;
  int64_t whole;  // the file's size up to the end of its last whole line
  int lost;       // the current line could not be written: its rest is left out
  char bytes[CHUNK];
} out;

void log_open(struct log *log, const char *path) {
  log->fd = -1;
  log->streams[0].name = "stdout";
  log->streams[1].name = "stderr";
  if (!path) return;
  if (open_place(&log->place, path) < 0) {
    complain("open log directory", errno);
    log->place.name = NULL;
  }
}

/** With the first line, because many containers never write one, and a new file on a disk may cost as much as a process. */
static int open_file(struct log *log) {
  if (log->fd >= 0) return 0;
  if (!log->place.name) return -1;
  log->fd = openat(log->place.dirfd, log->place.name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat st;
  if (log->fd >= 0 && fstat(log->fd, &st) == 0) log->size = out.whole = st.st_size;
  if (log->fd >= 0) return 0;
  complain("open log", errno);
  log->place.name = NULL;
  return -1;
}

/** Writes the buffer. A line that does not fit on the disk is taken back whole, so that every line of the file is JSON. */
static void flush(struct log *log) {
  size_t done = 0;
  int error = 0;
  while (done < out.used && !out.lost && !error) {
    ssize_t n = write(log->fd, out.bytes + done, out.used - done);
    if (n > 0) done += (size_t)n;
    else if (n == 0 || errno != EINTR) error = n < 0 ? errno : ENOSPC;
  }
  const char *end = memrchr(out.bytes, '\n', done);
  if (end) out.whole = log->size + (end + 1 - out.bytes);
  log->size += (int64_t)done;
  out.used = 0;
  if (!error) return;
  if (!log->complained) complain("write log", error);
  log->complained = 1;
  out.lost = 1;
  if (log->size != out.whole && ftruncate(log->fd, out.whole) == 0) log->size = out.whole;
}

static char *digits(char *to, int number) { return put_number(to, (uint64_t)number, 1); }

/** log.(n-1) becomes log.n, the log becomes log.1, and a new one begins; with one file it is emptied. */
static void rotate(struct log *log) {
  flush(log);
  char older[300], newer[300];
  if (strlen(log->place.name) > 255) return;
  for (int n = log->max_files - 1; n > 0; n--) {
    char *end = put_text(newer, log->place.name);
    if (n > 1) {
      *end++ = '.';
      end = digits(end, n - 1);
    }
    *end = 0;
    end = put_text(older, log->place.name);
    *end++ = '.';
    *digits(end, n) = 0;
    if (renameat(log->place.dirfd, newer, log->place.dirfd, older) < 0 && errno != ENOENT) complain("rotate log", errno);
  }
  int fd = openat(log->place.dirfd, log->place.name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    complain("open new log", errno);
    return;
  }
  close(log->fd);
  log->fd = fd;
  log->size = out.whole = 0;
}

/** Length of a valid UTF-8 sequence at `s`, 0 when it is none; as Go's utf8.DecodeRune. */
static size_t sequence(const unsigned char *s, size_t size) {
  if (s[0] < 0x80) return 1;
  size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || length > size) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((s[i] & 0xc0) != 0x80) return 0;
  }
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;  // too long; a surrogate
  if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;  // too long; above U+10FFFF
  return length;
}

static void room(struct log *log, size_t size) {
  if (sizeof out.bytes - out.used < size) flush(log);
}

static void put(const char *text) { out.used = (size_t)(put_text(out.bytes + out.used, text) - out.bytes); }

static void put_escaped(struct log *log, const unsigned char *text, size_t size) {
  static const char hex[] = "0123456789abcdef";
  for (size_t i = 0; i < size;) {
    room(log, LONGEST_ESCAPE);
    unsigned char c = text[i];
    char *to = out.bytes + out.used;
    if (c >= 0x80) {
      size_t length = sequence(text + i, size - i);
      if (length == 0) {
        to = put_text(to, "\\ufffd");
        length = 1;
      } else if (length == 3 && c == 0xe2 && text[i + 1] == 0x80 && (text[i + 2] & 0xfe) == 0xa8) {
        to = put_text(to, text[i + 2] == 0xa8 ? "\\u2028" : "\\u2029");
      } else {
        memcpy(to, text + i, length);
        to += length;
      }
      i += length;
    } else {
      if (c == '\n') to = put_text(to, "\\n");
      else if (c == '\r') to = put_text(to, "\\r");
      else if (c == '\\' || c == '"') *to++ = '\\', *to++ = (char)c;
      else if (c >= 0x20 && c != '<' && c != '>' && c != '&') *to++ = (char)c;
      else to = put_text(to, "\\u00"), *to++ = hex[c >> 4], *to++ = hex[c & 15];
      i++;
    }
    out.used = (size_t)(to - out.bytes);
  }
}

/** Text that may be longer than the buffer. */
static void put_long(struct log *log, const char *text, size_t left) {
  while (left > 0) {
    room(log, 1);
    size_t take = sizeof out.bytes - out.used;
    if (take > left) take = left;
    memcpy(out.bytes + out.used, text, take);
    out.used += take;
    text += take;
    left -= take;
  }
}

static void write_line(struct log *log, struct log_stream *stream, int complete) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  if (!complete && !stream->partial) stream->started = time;
  if (stream->partial) time = stream->started;

  if (log->max_size >= 0 && log->size + (int64_t)out.used >= log->max_size) rotate(log);
  room(log, ROOM);
  out.lost = 0;
  put("{\"log\":\"");
  put_escaped(log, stream->line, stream->used);
  room(log, ROOM);
  if (complete) put("\\n");
  put("\",\"stream\":\"");
  put(stream->name);
  put("\"");
  if (log->attributes) {
    put(",\"attrs\":");
    put_long(log, log->attributes, log->attributes_size);
    room(log, ROOM);
  }
  put(",\"time\":\"");
  out.used = (size_t)(put_time(out.bytes + out.used, time, 1) - out.bytes);
  put("\"}\n");
  if (out.lost) out.used = 0;
  stream->partial = !complete;
  stream->used = 0;
}

void log_feed(struct log *log, int index, const unsigned char *bytes, size_t size) {
  if (size == 0 || open_file(log) < 0) return;
  struct log_stream *stream = &log->streams[index];
  while (size > 0) {
    size_t take = sizeof stream->line - stream->used;
    if (take > size) take = size;
    const unsigned char *end = memchr(bytes, '\n', take);
    if (end) take = (size_t)(end - bytes);
    memcpy(stream->line + stream->used, bytes, take);
    stream->used += take;
    bytes += take;
    size -= take;
    if (end) {
      write_line(log, stream, 1);
      bytes++;
      size--;
    } else if (stream->used == sizeof stream->line) {
      write_line(log, stream, 0);
    }
  }
  flush(log);
}

void log_end(struct log *log) {
  if (log->fd < 0) return;
  for (int i = 0; i < 2; i++) {
    if (log->streams[i].used) write_line(log, &log->streams[i], 0);
  }
  flush(log);
  close(log->fd);
  log->fd = -1;
}
