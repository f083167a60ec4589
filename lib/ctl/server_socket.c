/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/server_socket - one owner per socket file.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/server_int.h"

enum { SOCKET_BACKLOG = 64, SOCKET_MODE = 0660, FOLDER_MODE = 0755 };

static int
socket_owners(struct server_socket *self, const struct mr_server_config *config,
	      struct mr_error *error)
{
	self->uid = geteuid();
	self->gid = (gid_t)-1;
	if (config->user[0]) {
		const struct passwd *user = getpwnam(config->user);

		if (!user)
			return mr_error_set(error, -ENOENT, "user: there is no '%s'", config->user);
		self->uid = user->pw_uid;
	}
	if (config->group[0]) {
		const struct group *group = getgrnam(config->group);

		if (!group)
			return mr_error_set(error, -ENOENT, "control.group: there is no '%s'",
					    config->group);
		self->gid = group->gr_gid;
	}
	return 0;
}

/* socket_folder makes the last folder of the path when it is missing, and gives it to the user that
 * the process will become, so that the socket can be removed at the end. */
static int
socket_folder(const struct server_socket *self, struct mr_error *error)
{
	char folder[MR_CONFIG_SOCKET_BYTES];
	char *slash;

	memcpy(folder, self->path, sizeof(folder));
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = 0;
	if (mkdir(folder, FOLDER_MODE)) {
		if (errno == EEXIST)
			return 0;
		return mr_error_set(error, -errno, "control.socket: folder %s: %s", folder,
				    strerror(errno));
	}
	if (self->uid != geteuid() && chown(folder, self->uid, (gid_t)-1))
		return mr_error_set(error, -errno, "control.socket: folder %s: %s", folder,
				    strerror(errno));
	return 0;
}

static int
socket_lock(struct server_socket *self, struct mr_error *error)
{
	struct stat ours, named;

	/* The one before may remove the file between our open and our lock: then lock the new one.
	 */
	for (int attempt = 0; attempt < 8; attempt++) {
		self->lock_fd = open(self->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (self->lock_fd < 0)
			return mr_error_set(error, -errno, "%s: %s", self->lock_path,
					    strerror(errno));
		if (flock(self->lock_fd, LOCK_EX | LOCK_NB)) {
			int rc = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;

			close(self->lock_fd);
			self->lock_fd = -1;
			return mr_error_set(error, rc,
					    "%s: another millraced is running on this socket",
					    self->path);
		}
		if (!fstat(self->lock_fd, &ours) && !stat(self->lock_path, &named) &&
		    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
			return 0;
		close(self->lock_fd);
		self->lock_fd = -1;
	}
	return mr_error_set(error, -EBUSY, "%s: comes and goes", self->lock_path);
}

/* socket_clear removes what a crashed run left; anything but a socket is somebody else's. */
static int
socket_clear(const struct server_socket *self, struct mr_error *error)
{
	struct stat is;

	if (lstat(self->path, &is))
		return errno == ENOENT
			       ? 0
			       : mr_error_set(error, -errno, "%s: %s", self->path, strerror(errno));
	if (!S_ISSOCK(is.st_mode))
		return mr_error_set(error, -EEXIST, "%s: is there and is not a socket", self->path);
	if (unlink(self->path))
		return mr_error_set(error, -errno, "%s: %s", self->path, strerror(errno));
	return 0;
}

static int
socket_listen(struct server_socket *self, struct mr_error *error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t before;
	int rc;

	memcpy(addr.sun_path, self->path, strlen(self->path) + 1);
	self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (self->fd < 0)
		return mr_error_set(error, -errno, "socket: %s", strerror(errno));
	before = umask(0777 & ~SOCKET_MODE); /* never open to others, not even for a moment */
	rc = bind(self->fd, (const struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(before);
	if (rc)
		return mr_error_set(error, rc, "%s: %s", self->path, strerror(-rc));
	/* Only root can give it away; anybody else keeps it as it is. */
	if (!geteuid() && chown(self->path, self->uid, self->gid))
		return mr_error_set(error, -errno, "%s: %s", self->path, strerror(errno));
	if (listen(self->fd, SOCKET_BACKLOG))
		return mr_error_set(error, -errno, "%s: %s", self->path, strerror(errno));
	return 0;
}

int
server_socket_open(struct server_socket *self, const struct mr_server_config *config,
		   struct mr_error *error)
{
	int rc;

	*self = (struct server_socket){ .fd = -1, .lock_fd = -1 };
	if (strlen(config->path) >= sizeof(self->path))
		return mr_error_set(error, -ENAMETOOLONG, "%s: the socket's name is too long",
				    config->path);
	memcpy(self->path, config->path, strlen(config->path) + 1);
	snprintf(self->lock_path, sizeof(self->lock_path), "%s.lock", self->path);
	rc = socket_owners(self, config, error);
	if (!rc)
		rc = socket_folder(self, error);
	if (!rc)
		rc = socket_lock(self, error);
	if (!rc)
		rc = socket_clear(self, error);
	if (!rc)
		rc = socket_listen(self, error);
	if (rc)
		server_socket_close(self);
	return rc;
}

void
server_socket_close(struct server_socket *self)
{
	if (self->fd >= 0) {
		close(self->fd);
		(void)unlink(self->path); /* after dropping privileges the folder may refuse: the
					     next start clears it */
	}
	if (self->lock_fd >= 0) {
		(void)unlink(self->lock_path);
		close(self->lock_fd);
	}
	self->fd = self->lock_fd = -1;
}
