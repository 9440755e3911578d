using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tempo.Perf.Load.Transport;

/// <summary>
/// Reads from a socket and says when the kernel had the bytes: of hundreds of senders on a processor that they fill, each sees its answer
/// when its turn comes, milliseconds later, which is nothing that the server did.
/// </summary>
internal static partial class ArrivalClock
{
    // Linux: asm-generic/socket.h, and struct msghdr as of 64-bit glibc.
    private const int SolSocket = 1, SoTimestampNanos = 35, InterruptedSystemCall = 4;
    private const int ControlBytes = 128, NoteBytes = 32;
    private const long UnixEpochTicks = 621_355_968_000_000_000;

    /// <summary>From now on the kernel notes when bytes come in.</summary>
    public static void Enable(Socket socket)
    {
        Span<byte> on = [1, 0, 0, 0];
        socket.SetRawSocketOption(SolSocket, SoTimestampNanos, on);
    }

    /// <summary>
    /// As <see cref="Socket.Receive(Span{byte})"/>; <paramref name="arrivedTicks"/> is when the last of the bytes had come, in ticks of
    /// <see cref="Stopwatch"/>, or now if the kernel does not say.
    /// </summary>
    public static unsafe int Receive(Socket socket, Span<byte> buffer, out long arrivedTicks)
    {
        byte* control = stackalloc byte[ControlBytes];
        nint received;
        MessageHeader header;
        // Safe: buffer is fixed, the other two live on this stack frame, and the call keeps no pointer.
        fixed (byte* bytes = buffer)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)buffer.Length };
            do
            {
                header = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlBytes };
                received = ReceiveMessage((int)socket.Handle, &header, 0);
            }
            while (received < 0 && Marshal.GetLastPInvokeError() == InterruptedSystemCall);
        }

        if (received < 0) throw new TransportException($"recvmsg failed with errno {Marshal.GetLastPInvokeError()}.");
        // In this order: who loses the processor in between takes the bytes for later ones, not for earlier ones.
        long now = (DateTime.UtcNow.Ticks - UnixEpochTicks) * 100;
        arrivedTicks = Stopwatch.GetTimestamp();
        // struct cmsghdr (length, level, type) with a struct timespec behind it.
        if (header.ControlLength >= NoteBytes && *(int*)(control + 8) == SolSocket && *(int*)(control + 12) == SoTimestampNanos)
        {
            long ageNanos = Math.Max(0, now - *(long*)(control + 16) * 1_000_000_000 - *(long*)(control + 24));
            arrivedTicks -= (long)(ageNanos * (Stopwatch.Frequency / 1e9));
        }

        return (int)received;
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static unsafe partial nint ReceiveMessage(int socket, MessageHeader* header, int flags);

    private unsafe struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    private unsafe struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
