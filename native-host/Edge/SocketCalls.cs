using System.Runtime.InteropServices;

namespace Tempo.Host.Edge;

/// <summary>
/// The system calls of <see cref="EdgeListener"/>, with the constants of Linux on x86-64 and arm64. Each sets errno where libc does. The
/// framework's sockets would do, but for what they add: a thread that only waits, and a pool that is woken for each request.
/// </summary>
internal static unsafe partial class SocketCalls
{
    public const uint EpollIn = 1, EpollOut = 4, EpollError = 8, EpollHangUp = 16, EpollReadHangUp = 0x2000, EpollOneShot = 1u << 30;
    public const int EpollAdd = 1, EpollDelete = 2, EpollModify = 3;
    public const int CloseOnExec = 0x80000, NonBlocking = 0x800;
    public const int MessagePeek = 2, MessageNoSignal = 0x4000;
    public const int ErrorInterrupted = 4, ErrorAgain = 11, ErrorNoMemory = 12, ErrorTooManyFiles = 24, ErrorFileTableFull = 23,
        ErrorNoBuffers = 105;
    private const int SocketLevel = 1, ReceiveLowWater = 18, ShutdownBoth = 2;

    /// <summary>An epoll_event: the kernel packs it on x86-64 and nowhere else.</summary>
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    /// <summary>The most that an epoll_event takes.</summary>
    private const int EventBytes = 16;

    /// <summary>A new epoll instance.</summary>
    public static int CreatePoll() => epoll_create1(CloseOnExec);

    /// <summary>Adds, changes or removes what is waited for; false with errno set.</summary>
    public static bool Control(int poll, int operation, int file, uint events, ulong data)
    {
        var item = stackalloc byte[EventBytes];
        *(uint*)item = events;
        *(ulong*)(item + DataOffset) = data;
        return epoll_ctl(poll, operation, file, item) == 0;
    }

    /// <summary>Waits for one event without end; false if it was interrupted.</summary>
    public static bool Wait(int poll, out uint events, out ulong data)
    {
        var item = stackalloc byte[EventBytes];
        var count = epoll_wait(poll, item, 1, -1);
        (events, data) = count == 1 ? (*(uint*)item, *(ulong*)(item + DataOffset)) : (0, 0);
        return count == 1;
    }

    /// <summary>A connection that waits to be taken, as a descriptor that does not block; below zero with errno set.</summary>
    public static int Accept(int listener) => accept4(listener, null, null, NonBlocking | CloseOnExec);

    /// <summary>Ends a socket, listening or connected, which keeps its number until it is closed.</summary>
    public static void Shutdown(int socket) => _ = shutdown(socket, ShutdownBoth);

    /// <summary>The socket counts as readable once it holds so many bytes.</summary>
    public static void SetReceiveLowWater(int socket, int bytes) =>
        _ = setsockopt(socket, SocketLevel, ReceiveLowWater, &bytes, sizeof(int));

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    /// <summary>A descriptor that is readable for good.</summary>
    public static int CreateReadable() => eventfd(1, CloseOnExec | NonBlocking);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(int poll, int operation, int file, byte* item);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_wait(int poll, byte* items, int count, int timeoutMs);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int accept4(int listener, void* address, void* addressBytes, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(int socket, int level, int option, void* value, int valueBytes);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int shutdown(int socket, int how);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initial, int flags);
}
