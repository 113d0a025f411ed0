# Ways for a run to pass something to the next run in the same cell, although files and processes
# are removed.
import os, socket, sys

AREAS = ('/work', '/tmp', '/dev/shm')


def inode(area):
    path = area + '/probe'
    open(path, 'w').close()
    number = os.stat(path).st_ino
    os.unlink(path)
    return number


def counters(path):
    try:
        with open(path) as file:
            return hash_of(file.read())
    except OSError:
        return 0


def hash_of(text):
    number = 0
    for letter in text.encode():
        number = (number * 31 + letter) % (1 << 31)
    return number


# The current value of each channel, by name.
def look():
    # A container engine may start a few processes itself.
    seen = {'pid': os.getpid() // 20}
    for area in AREAS:
        status = os.stat(area)
        seen['inode of ' + area] = inode(area)
        seen['mtime of ' + area] = int(status.st_mtime) % 1000 if status.st_mtime < 10**9 else 0
        seen['attributes of ' + area] = len(os.listxattr(area))
        seen['entries of ' + area] = len(os.listdir(area))
        seen['free files of ' + area] = os.statvfs(area).f_ffree
    for file in ('snmp', 'netstat', 'unix'):
        seen[file] = counters('/proc/net/' + file)
    return seen


# Leaves a mark in every channel.
def mark():
    for _ in range(40):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    for area in AREAS:
        for number in range(200):
            open('%s/%d' % (area, number), 'w').close()
            os.unlink('%s/%d' % (area, number))
        try:
            os.utime(area, (7, 7))
            os.setxattr(area, 'user.mark', b'7')
        except OSError:
            pass
    for _ in range(30):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to_nowhere:
            try:
                to_nowhere.sendto(b'7', ('192.0.2.1', 7))
            except OSError:
                pass
