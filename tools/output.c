/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "place.h"

typedef struct output {
  const char *option;
  place place;
  FILE *file;
  char *temporary, *aside; /* names of the new file and of the one that it replaces */
  int is_there, is_aside, in_place;
} output;

enum { MAX_OUTPUTS = 4 };

/* For the signal handler too: whoever changes them blocks signals. */
static output outputs[MAX_OUTPUTS];
static size_t count;

/* What users and pipelines send, and a mapped file that shrinks. */
static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGBUS};
enum { DEADLY = sizeof deadly / sizeof *deadly };

static void die(int number) {
  for (size_t i = 0; i < count; i++) {
    if (outputs[i].is_there) unlink(outputs[i].temporary);
  }
  signal(number, SIG_DFL);
  raise(number); /* takes effect when this returns */
}

static void block_signals(sigset_t *before) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < DEADLY; i++) sigaddset(&set, deadly[i]);
  sigprocmask(SIG_BLOCK, &set, before);
}

static void unblock_signals(const sigset_t *before) { sigprocmask(SIG_SETMASK, before, NULL); }

/* Those that are ignored, as nohup does, stay so. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = die}, before;
  sigfillset(&action.sa_mask);
  for (int i = 0; i < DEADLY; i++) {
    if (sigaction(deadly[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
      sigaction(deadly[i], &action, NULL);
  }
}

static int cannot_write(const output *o, int cause) {
  return fail("%s: cannot write: %s", o->place.path, strerror(cause));
}

/* A file that is replaced keeps its permissions and, where that is allowed, its owners. */
static int take_over(int descriptor, const struct stat *old) {
  if (fchown(descriptor, old->st_uid, old->st_gid) != 0 &&
      fchown(descriptor, (uid_t)-1, old->st_gid) != 0) {
    errno = 0;
  }
  return fchmod(descriptor, old->st_mode & 0777);
}

/* A file under a new name; -1 after an error, which is the folder's. */
static int create(output *o) {
  static unsigned number;
  mode_t mode = o->place.exists ? 0600 : 0666;
  for (int tries = 0; tries < 10000; tries++) {
    sprintf(o->temporary, "%s/.vloss-%ld-%u", o->place.folder, (long)getpid(), number++);
    int descriptor = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

static int begin(output *o) {
  size_t size = strlen(o->place.folder) + 64;
  o->temporary = malloc(size);
  o->aside = malloc(size);
  if (o->temporary == NULL || o->aside == NULL) return cannot_write(o, ENOMEM);
  int descriptor = create(o);
  if (descriptor < 0) return place_fail(&o->place, errno);
  o->is_there = 1;
  sprintf(o->aside, "%s~", o->temporary);
  o->file = fdopen(descriptor, "wb");
  if (o->file == NULL) close(descriptor);
  if (o->file == NULL || (o->place.exists && take_over(descriptor, &o->place.file) != 0))
    return cannot_write(o, errno);
  return 0;
}

int output_open(const char *option, const char *path, FILE **file) {
  output *o = &outputs[count];
  *o = (output){.option = option};
  int status = place_find(&o->place, option, path);
  for (size_t i = 0; i < count && !status; i++) {
    if (place_same(&o->place, &outputs[i].place))
      status = fail_usage("--%s: %s is the file of --%s", option, path, outputs[i].option);
  }
  struct stat result;
  if (!status && fstat(STDOUT_FILENO, &result) == 0 && place_is(&o->place, &result))
    status = fail_usage("--%s: %s is where the result is printed", option, path);
  if (status) {
    place_free(&o->place);
    return status;
  }
  sigset_t before;
  block_signals(&before);
  if (count++ == 0) catch_signals();
  status = begin(o);
  unblock_signals(&before);
  *file = o->file;
  return status;
}

int output_close(FILE *file) {
  output *o = outputs;
  while (o->file != file) o++;
  o->file = NULL;
  int bad = ferror(file), cause = errno;
  if (fclose(file) != 0 && !bad) {
    bad = 1;
    cause = errno;
  }
  return bad ? cannot_write(o, cause) : 0;
}

/* Where there are no links to files, the name is free for a moment. */
static int set_aside(output *o) {
  struct stat old;
  const char *name = o->place.name;
  if (link(name, o->aside) != 0) {
    if (errno == ENOENT) return 0;
    if (lstat(name, &old) != 0 || !S_ISREG(old.st_mode) || rename(name, o->aside) != 0) return 1;
  }
  o->is_aside = 1;
  return 0;
}

/* The last one needs no way back. */
static int put_in_place(output *o, int last) {
  if ((!last && set_aside(o) != 0) || rename(o->temporary, o->place.name) != 0)
    return cannot_write(o, errno);
  o->in_place = 1;
  o->is_there = 0;
  return 0;
}

static void put_back(output *o) {
  if (o->is_aside)
    rename(o->aside, o->place.name);
  else if (o->in_place)
    unlink(o->place.name);
}

static void clear(output *o) {
  if (o->file != NULL) fclose(o->file);
  if (o->is_there) unlink(o->temporary);
  if (o->is_aside) unlink(o->aside); /* rename() leaves it where both names are one file's */
  free(o->temporary);
  free(o->aside);
  place_free(&o->place);
}

int outputs_end(int status) {
  sigset_t before;
  block_signals(&before);
  for (size_t i = 0; i < count && !status; i++) status = put_in_place(&outputs[i], i + 1 == count);
  for (size_t i = 0; i < count; i++) {
    if (status) put_back(&outputs[i]);
    clear(&outputs[i]);
  }
  count = 0;
  unblock_signals(&before);
  return status;
}
