using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Random bytes from the kernel, without the library of cryptography that the framework asks for them: it takes 5 MiB of memory, and a
/// node that speaks no TLS has no other use for it.
/// </summary>
public static partial class KernelRandom
{
    // getrandom(2) gives as many bytes as this, once the kernel's pool is filled, without being interrupted.
    private const int MaxBytes = 256;

    /// <summary>Fills up to 256 bytes. Throws <see cref="IOException"/> where the kernel has none to give.</summary>
    public static void Fill(Span<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, MaxBytes);
        if (GetRandom(bytes, (nuint)bytes.Length, 0) != bytes.Length)
            throw new IOException($"getrandom: error {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>64 of its bits.</summary>
    public static ulong NextUInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
#pragma warning disable RS0030 // it is its own
        Fill(bytes);
#pragma warning restore RS0030
        return BitConverter.ToUInt64(bytes);
    }

    [LibraryImport("libc", EntryPoint = "getrandom", SetLastError = true)]
    private static partial nint GetRandom(Span<byte> bytes, nuint length, uint flags);
}
