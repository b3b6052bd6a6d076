/* Is loaded before the C library: counts what a program and its workers change in one folder, and
   kills all of them just before a chosen change. See tests/support/killed_commands.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One for all processes: a file that each of them maps. */
struct state {
  int count;
  int moment;
  char call[4096];
};

static void count_path(const char *name, const char *path) {
  static struct state *state;
  const char *folder = getenv("KILLS_FOLDER");
  if (strncmp(path, folder, strlen(folder)) != 0) return;
  if (!state) {
    int file = open(getenv("KILLS_STATE"), O_RDWR | O_CLOEXEC);
    if (file < 0) abort();
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (state == MAP_FAILED) abort();
  }
  if (__atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST) == state->moment) {
    snprintf(state->call, sizeof state->call, "%s %s", name, path + strlen(folder));
    kill(0, SIGKILL);
    pause();
  }
}

/* Follows the number of an open file or folder to its path. */
static void count_file(const char *name, int file, const char *below) {
  char link[64], path[8192];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, 4096);
  if (length < 0) return;
  snprintf(path + length, sizeof path - length, "%s%s", *below ? "/" : "", below);
  count_path(name, path);
}

static void count_at(const char *name, int folder, const char *path) {
  if (path[0] == '/')
    count_path(name, path);
  else if (folder != AT_FDCWD)
    count_file(name, folder, path);
  else {
    char whole[8192];
    if (!getcwd(whole, 4096)) return;
    size_t length = strlen(whole);
    snprintf(whole + length, sizeof whole - length, "/%s", path);
    count_path(name, whole);
  }
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int rename(const char *from, const char *to) {
  count_at("rename", AT_FDCWD, to);
  return NEXT(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  count_at("rename", to_folder, to);
  return NEXT(renameat)(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  count_at("rename", to_folder, to);
  return NEXT(renameat2)(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) {
  count_at("unlink", AT_FDCWD, path);
  return NEXT(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags) {
  count_at("unlink", folder, path);
  return NEXT(unlinkat)(folder, path, flags);
}

int remove(const char *path) {
  count_at("unlink", AT_FDCWD, path);
  return NEXT(remove)(path);
}

int rmdir(const char *path) {
  count_at("rmdir", AT_FDCWD, path);
  return NEXT(rmdir)(path);
}

int fsync(int file) {
  count_file("fsync", file, "");
  return NEXT(fsync)(file);
}

int fdatasync(int file) {
  count_file("fsync", file, "");
  return NEXT(fdatasync)(file);
}
