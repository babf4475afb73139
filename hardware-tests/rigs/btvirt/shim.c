/*
 * Loaded into BlueZ's btvirt (LD_PRELOAD). It lets the emulator of Bluetooth controllers run where the kernel has no AF_ALG sockets, and puts
 * its own sockets into the directory $CPNS_BTVIRT_DIRECTORY, so that several emulators can run at a time.
 *
 * Without AF_ALG btvirt refuses every LE controller, although it needs ciphers only for what a host has it encrypt or resolve. An AF_ALG
 * socket that opens and binds, and then encrypts nothing, is enough for all else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char FIXED_DIRECTORY[] = "/tmp/bt-server-";

int socket(int domain, int type, int protocol)
{
	int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");

	if (domain == AF_ALG)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	return next(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
	const char *directory = getenv("CPNS_BTVIRT_DIRECTORY");
	const struct sockaddr_un *at = (const struct sockaddr_un *)address;
	struct sockaddr_un moved = { .sun_family = AF_UNIX };

	if (address->sa_family == AF_ALG)
		return 0;
	if (directory == NULL || address->sa_family != AF_UNIX ||
	    strncmp(at->sun_path, FIXED_DIRECTORY, strlen(FIXED_DIRECTORY)) != 0)
		return next(fd, address, length);
	snprintf(moved.sun_path, sizeof(moved.sun_path), "%s/%s", directory, at->sun_path + strlen("/tmp/"));
	return next(fd, (const struct sockaddr *)&moved, sizeof(moved));
}
