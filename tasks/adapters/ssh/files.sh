# Reads and replaces the file with an account's keys. POSIX sh (dash, busybox): nothing here is of one shell only.
#
# The caller appends assignments and one call, `answer inspect PATTERN…` or `answer replace`, and sends all of it to the
# standard input of `sh`; a text that is cut short ends within a quote or a function, and so does nothing.
#   left right   halves of a word that only a shell can put together: what echoes this text does not answer
#   account now  whose keys; the caller's clock, in seconds
#   name         what temporary files are called here: .marias-$name.new, .marias-$name.old (name begins with $now)
#   trial        inspect: yes to try, on files of our own, all that a replacement needs
#   real expected wanted content   replace: the file, the SHA-256 it shall have now, and then; what shall be in it, base64
# Answers stand between "$left$right begin" and "$left$right end"; bytes as base64, ended by a line with a dot.

set -uf
umask 077
LC_ALL=C # error messages are told apart below
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export LC_ALL PATH
newline='
'

answer() {
  printf '%s%s begin\n' "$left" "$right"
  for tool in base64 cat chmod chown dd id ln ls mv readlink rm sha256sum stat; do
    command -v "$tool" >/dev/null 2>&1 || { printf 'lacks %s\n' "$tool" && return; }
  done
  [ / -ef /. ] 2>/dev/null || { printf 'lacks -ef\n' && return; }
  "$@"
  printf '%s%s end\n' "$left" "$right"
}

block() { # what comes in, under a heading
  printf '%s\n' "$1" && base64 && printf '.\n'
}

lines() { # of $1, as $one and $two; what costs here is every program that is started
  IFS=$newline
  set -- $1
  unset IFS
  count=$# one=${1-} two=${2-}
}

hashes() { # of two files, the first of which is there, as $one and $two
  lines "$(sha256sum "$1" "$2")"
  one=${one%% *} two=${two%% *}
  one=${one#\\} two=${two#\\} # so it begins where a name has a backslash
}

folder_of() {
  dir=${1%/*}
  [ -n "$dir" ] || dir=/
  fresh=${dir%/}/.marias-$name.new kept=${dir%/}/.marias-$name.old
}

errno() { # the name of the error that a message speaks of
  case $1 in
  *'Read-only file system'*) echo EROFS ;;
  *'No space left'*) echo ENOSPC ;;
  *'uota exceeded'*) echo EDQUOT ;;
  *'Permission denied'*) echo EACCES ;;
  *'Operation not permitted'*) echo EPERM ;;
  *'ross-device link'*) echo EXDEV ;;
  *'busy'*) echo EBUSY ;;
  *'No such file'*) echo ENOENT ;;
  *) echo EIO ;;
  esac
}

# ── a file like another ─────────────────────────────────────────────────────────────────────────────────────────────

make() { # $fresh, new and owned as $real is, with what comes in, on the disk
  set -C # O_EXCL: nobody's file or link is written to
  exec 3>"$fresh" || exit 1
  set +C
  itself=/proc/self/fd/3 # not by its name: where others may write, a name can be exchanged for a link
  [ -e "$itself" ] || itself=$fresh
  if ! cp --attributes-only --preserve=all "$real" "$itself" 3>&3 2>/dev/null; then
    chown "$(stat -c %u:%g "$real")" "$itself" 3>&3
    chmod "$(stat -c %a "$real")" "$itself" 3>&3
    if command -v getfacl >/dev/null 2>&1; then
      getfacl -cp "$real" 2>/dev/null | setfacl -M - "$itself" 3>&3 2>/dev/null
    fi
  fi
  dd bs=65536 conv=fsync >&3 || exit 1
  alike || { echo 'Permission denied: owner, mode or ACL' && exit 1; }
}

alike() { # in mode, with the sign that there is an ACL, and owner and group
  lines "$(ls -ldn "$real" "$fresh")"
  [ "$count" -eq 2 ] || return 1
  set -- $one
  one="$1 $3 $4"
  set -- $two
  [ "$one" = "$1 $3 $4" ]
}

lock() { # until this shell ends; the folder itself is what is locked, where there is flock
  command -v flock >/dev/null 2>&1 && [ -r "$dir" ] || return 0
  exec 9<"$dir"
  flock -w 10 9 2>/dev/null || flock -n 9 2>/dev/null || [ $? -ne 1 ]
}

flush() { # what a folder's names are, on the disk
  sync "$dir" 2>/dev/null || sync
}

# ── replace ─────────────────────────────────────────────────────────────────────────────────────────────────────────

replace() {
  folder_of "$real"
  lock || { echo 'failed EWOULDBLOCK' && return; }
  [ -f "$real" ] && [ ! -L "$real" ] || { echo changed && return; }
  said=$(printf '%s\n' "$content" | base64 -d | make 2>&1) || { gave_up && return; }
  said=$(ln "$real" "$kept" 2>&1) || { gave_up && return; }
  # from here the old file has a second name: what another writer adds to it is found there after the rename
  hashes "$fresh" "$kept"
  [ "$one" = "$wanted" ] || { said='' && gave_up && return; }
  if [ "$two" = "$expected" ] && [ ! -L "$real" ] && [ "$real" -ef "$kept" ]; then
    said=$(mv -f "$fresh" "$real" 2>&1) || { gave_up && return; }
  else
    rm -f "$fresh" "$kept" && echo changed && return
  fi
  flush
  hashes "$kept" "$real"
  if [ "$two" = "$wanted" ]; then
    echo 'replaced whole'
  else
    echo replaced
    block content <"$real"
  fi
  [ "$one" = "$expected" ] || block late <"$kept"
  rm -f "$kept"
}

gave_up() {
  rm -f "$fresh" "$kept"
  printf 'failed %s\n' "$(errno "$said")"
}

# ── inspect ─────────────────────────────────────────────────────────────────────────────────────────────────────────

inspect() { # patterns as in AuthorizedKeysFile
  strict=unknown source=settings first='' seen=$newline
  uid=$(id -u "$account" 2>/dev/null) || uid=
  eval "home=~$account" # letters, digits and _ . - only
  case $home in '~'*) home=${HOME:-/} ;; esac
  effective=''
  if [ $# -eq 0 ] || [ "$trial" = yes ]; then
    # as sshd sees this very connection: Match may ask for any of it
    from=${SSH_CONNECTION:-127.0.0.1 0 127.0.0.1 22}
    to=${from#* * }
    effective=$(sshd -T -C "user=$account,host=${from%% *},addr=${from%% *},laddr=${to% *},lport=${to#* }" 2>/dev/null)
  fi
  case $newline$effective in *"${newline}strictmodes no"*) strict=no ;; esac
  if [ $# -eq 0 ]; then
    source=default
    set -- .ssh/authorized_keys .ssh/authorized_keys2
    case $newline$effective in *"${newline}authorizedkeysfile "*)
      source=sshd effective=${effective#*authorizedkeysfile }
      set -- ${effective%%"$newline"*}
      ;;
    esac
  fi
  printf 'source %s\n' "$source"
  for pattern; do
    [ "$pattern" != none ] && expand "$pattern" || continue
    [ -n "$first" ] || first=$path
    look
  done
  [ "$seen" != "$newline" ] || [ -z "$first" ] || told "$first" missing
  uses
}

expand() { # %u %h %U %%, and the home folder before what is not absolute
  rest=$1 path=''
  while :; do
    case $rest in
    *%*)
      path=$path${rest%%\%*} rest=${rest#*%}
      case $rest in
      %*) path=$path% ;;
      u*) path=$path$account ;;
      h*) path=$path$home ;;
      U*) path=$path$uid ;;
      *) return 1 ;;
      esac
      rest=${rest#?}
      ;;
    *) break ;;
    esac
  done
  path=$path$rest
  case $path in /*) ;; *) path=$home/$path ;; esac
}

told() { # path trouble [mode uid gid links]
  seen=$seen$1$newline
  printf 'file %s\n' "$1"
  printf 'trouble %s\n' "$2"
  [ $# -lt 6 ] || printf 'facts %s %s %s %s\n' "$3" "$4" "$5" "$6"
}

look() { # at one path: nothing is told when there is nothing
  if [ ! -e "$path" ] && [ ! -L "$path" ]; then
    above=$path
    while [ ! -e "$above" ] && [ -n "$above" ]; do above=${above%/*}; done
    [ -x "${above:-/}" ] || told "$path" denied
    return
  fi
  real=$(readlink -f "$path") || real=$path
  case $seen in *"$newline$real$newline"*) return ;; esac
  [ -e "$real" ] || { told "$real" missing && return; }
  [ -f "$real" ] || { told "$real" not_a_file && return; }
  case $real in *"$newline"*) told "$path" not_a_file && return ;; esac
  folder_of "$real"
  trouble=-
  for attempt in 1 2 3; do # another run may have given $real a second name after the count of ours
    sweep
    set -- $(stat -c '%a %u %g %h %s' "$real")
    links=$(($4 - ours))
    [ "$links" -gt 1 ] || break
  done
  if [ ! -r "$real" ]; then
    trouble=denied
  elif [ "$5" -gt 1048576 ]; then
    trouble=too_large
  elif [ "$trial" = yes ]; then
    trouble=$(try)
  fi
  told "$real" "$trouble" "$1" "$2" "$3" "$links"
  if [ -r "$real" ] && [ "$5" -le 1048576 ]; then block content <"$real"; fi
}

sweep() { # what killed runs left; of what is young only the second names of $real are counted, as $ours
  ours=0
  set +f
  for left_over in "${dir%/}"/.marias-*.new "${dir%/}"/.marias-*.old; do
    since=${left_over##*/.marias-}
    since=${since%%-*}
    case $since in '' | *[!0-9]*) continue ;; esac
    if [ -f "$left_over" ] && [ ! -L "$left_over" ]; then
      if [ $((now - since)) -gt 300 ] && rm -f "$left_over" 2>/dev/null; then
        continue
      fi
      [ "$left_over" -ef "$real" ] && ours=$((ours + 1))
    fi
  done
  set -f
}

try() { # the trouble that a replacement of $real would meet, or -
  lines "$(lsattr -d "$real" "$dir" 2>/dev/null)"
  case ${one%% *}${two%% *} in *[ia]*) echo immutable && return ;; esac
  said=$({ cat "$real" && printf '%4096s' ''; } | make 2>&1) || { named immutable && return; }
  said=$(ln "$real" "$kept" 2>&1) || { named immutable && return; }
  rm -f "$fresh" "$kept" 2>/dev/null || { echo immutable && return; }
  if [ "$links" -gt 1 ]; then
    echo hard_links
  elif loose; then
    echo loose_modes
  else
    echo -
  fi
}

named() { # what could not be done, as a trouble
  rm -f "$fresh" "$kept" 2>/dev/null
  case $(errno "$said") in
  EROFS) echo read_only ;;
  ENOSPC | EDQUOT) echo no_space ;;
  EACCES) echo denied ;;
  *) echo immutable ;;
  esac
}

loose() { # whether sshd with StrictModes would not read $real: others may write to it or above it
  [ "$strict" != no ] || return 1
  at=$real top=$(cd -P "$home" && pwd)
  set -- "$real"
  while [ "$at" != "$top" ] && [ "$at" != / ]; do
    at=${at%/*}
    at=${at:-/}
    set -- "$@" "$at"
  done
  count=$#
  IFS=$newline
  set -- $(stat -c '%u %A' "$@")
  unset IFS
  [ $# -eq "$count" ] || return 0
  for facts; do
    case $facts in
    *' '?????w* | *' '????????w*) return 0 ;; # -rwxrwxrwx
    '0 '* | "$uid "*) ;;
    *) return 0 ;;
    esac
  done
  return 1
}

uses() { # when each key last let somebody in, where the log may be read
  if [ -r /var/log/auth.log ] || [ -r /var/log/secure ]; then
    logins last /var/log/auth.log.1 /var/log/auth.log /var/log/secure
  elif command -v journalctl >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    # a journal may be too long to be read to its end
    timeout 5 journalctl -qr --no-pager -o short-iso --since=-100days -t sshd -t sshd-session 2>/dev/null |
      logins first -
  fi
}

logins() { # where the newest stands (first, last), in these files
  printf 'clock %s\n' "$(date +%z)"
  newest=$1
  shift
  grep -hsF "Accepted publickey for $account from " "$@" | awk -v newest="$newest" '
    / sshd(-session)?\[[0-9]+\]: Accepted / && $NF ~ /^SHA256:/ && (newest == "last" || !($NF in at)) {
      at[$NF] = ($1 ~ /T/) ? $1 : $1 " " $2 " " $3
    }
    END { for (key in at) print "used", key, at[key] }'
}
