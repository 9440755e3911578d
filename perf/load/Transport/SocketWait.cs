using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tempo.Perf.Load.Transport;

/// <summary>
/// Waits for a socket to become readable with the kernel's own resolution: <see cref="Socket.Poll(int, SelectMode)"/> rounds down to
/// whole milliseconds, which at 5,000 requests a second means spinning.
/// </summary>
internal static partial class SocketWait
{
    private const short PollIn = 1;
    private const int InterruptedSystemCall = 4;

    /// <summary>True when there is something to read, or an error to be read; false when the time is over.</summary>
    public static unsafe bool ForData(Socket socket, long timeoutMicros)
    {
        var poll = new PollDescriptor { Handle = (int)socket.Handle, Events = PollIn };
        var timeout = new TimeSpec { Seconds = (nint)(timeoutMicros / 1_000_000), Nanos = (nint)(timeoutMicros % 1_000_000 * 1000) };
        // Safe: both structures live on this stack frame for as long as the call, which keeps neither pointer.
        int ready = PPoll(&poll, 1, &timeout, null);
        if (ready >= 0) return ready > 0;
        int error = Marshal.GetLastPInvokeError();
        if (error == InterruptedSystemCall) return false;
        throw new TransportException($"ppoll failed with errno {error}.");
    }

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    private static unsafe partial int PPoll(PollDescriptor* descriptors, nuint count, TimeSpec* timeout, void* signalMask);

    private struct PollDescriptor
    {
        public int Handle;
        public short Events;
        public short ReturnedEvents;
    }

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanos;
    }
}
