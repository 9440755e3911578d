using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;

namespace Tempo.Host.Receivers;

/// <summary>
/// Memory of request bodies: pooled native buffers, and one account of the bytes they hold while requests are being read
/// and stored. A body that does not fit in the account is refused as "overloaded", which its sender tries again. Thread
/// safe.
/// </summary>
public sealed class RequestMemory(long maxInflightBytes)
{
    /// <summary>What a sender is told when the account is full.</summary>
    public static readonly GrpcStatus Overloaded =
        new(GrpcStatusCode.Unavailable, "too many request bytes in flight, try again") { RetryDelay = TimeSpan.FromSeconds(1) };

    // 64 idle buffers of at most 1 MiB: what 64 senders of ordinary batches use at once, and 64 MiB at the very most.
    private readonly NativeBufferPool _pool = new(maxBuffers: 64, maxRetainedBytes: 1 << 20);
    private long _inflightBytes;

    /// <summary>Bytes of buffers that are in use.</summary>
    public long InflightBytes => Interlocked.Read(ref _inflightBytes);

    /// <summary>An empty body.</summary>
    public RequestBody Rent() => new(this, _pool.Rent(0));

    internal bool TryAdd(long bytes)
    {
        if (Interlocked.Add(ref _inflightBytes, bytes) <= maxInflightBytes) return true;
        Interlocked.Add(ref _inflightBytes, -bytes);
        return false;
    }

    internal void Release(NativeBuffer buffer, long bytes)
    {
        Interlocked.Add(ref _inflightBytes, -bytes);
        _pool.Return(buffer);
    }
}

/// <summary>One request body in native memory, accounted for. Not thread safe; disposed exactly once, by who rented it.</summary>
public sealed class RequestBody : IDisposable
{
    private const int SmallestBytes = 16 * 1024;
    private readonly RequestMemory _memory;
    private long _accountedBytes;

    internal RequestBody(RequestMemory memory, NativeBuffer buffer)
    {
        _memory = memory;
        Buffer = buffer;
    }

    public NativeBuffer Buffer { get; }

    /// <summary>False, with nothing appended, if the account has no room.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        if (!TryMakeRoom(bytes.Length)) return false;
        Buffer.Append(bytes);
        return true;
    }

    /// <summary>
    /// Accounts for what the buffer has grown to. For writers that grow it themselves and synchronously (decompression,
    /// transcoding): what they hold before this call is bounded by the request limit times the threads that run.
    /// </summary>
    public bool TryAccount() => TryAccount(Buffer.Length);

    public void Dispose() => _memory.Release(Buffer, _accountedBytes);

    private bool TryMakeRoom(int bytes)
    {
        var needed = (long)Buffer.Length + bytes;
        if (needed <= Buffer.Capacity) return TryAccount(needed);

        // Doubled, so that a body is moved few times; never from what the request says of its own length.
        var capacity = Math.Min(Math.Max(Math.Max(needed, Buffer.Capacity * 2L), SmallestBytes), Array.MaxLength);
        if (!TryAccount(capacity)) return false;
        Buffer.Reserve((int)capacity);
        return true;
    }

    private bool TryAccount(long bytes)
    {
        if (bytes <= _accountedBytes) return true;
        if (!_memory.TryAdd(bytes - _accountedBytes)) return false;
        _accountedBytes = bytes;
        return true;
    }
}
