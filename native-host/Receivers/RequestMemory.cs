using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;

namespace Tempo.Host.Receivers;

/// <summary>
/// Memory of request bodies: pooled native buffers, and one account of the bytes they hold while requests are being read
/// and stored. A buffer asks the account before it grows. A body that does not fit in the account is refused as
/// "overloaded", which its sender tries again. Thread safe.
/// </summary>
public sealed class RequestMemory : IDisposable
{
    /// <summary>What a sender is told when the account is full.</summary>
    public static readonly GrpcStatus Overloaded =
        new(GrpcStatusCode.Unavailable, "too many request bytes in flight, try again") { RetryDelay = TimeSpan.FromSeconds(1) };

    // A decompressed body of the largest size that OTLP has, and the compressed one.
    private const long LargestBytes = 72L << 20;

    private readonly long _maxInflightBytes;
    private readonly NativeBufferPool _pool;
    private long _inflightBytes;

    public RequestMemory(long maxInflightBytes)
    {
        _maxInflightBytes = maxInflightBytes;
        // 64 idle buffers of at most 1 MiB: what 64 senders of ordinary batches use at once. A quarter of the account at most.
        _pool = new NativeBufferPool(maxBuffers: (int)Math.Clamp(maxInflightBytes >> 22, 4, 64), maxRetainedBytes: 1 << 20);
        var places = (int)Math.Clamp(maxInflightBytes / LargestBytes, 1, Environment.ProcessorCount);
        LargeDecompressions = new SemaphoreSlim(places, places);
    }

    /// <summary>
    /// Places for bodies that become large when they are decompressed: as many as have room in the account, and cores to compute
    /// on. Who finds none waits, holding nothing but the compressed bytes.
    /// </summary>
    public SemaphoreSlim LargeDecompressions { get; }

    /// <summary>Bytes of buffers that are in use.</summary>
    public long InflightBytes => Interlocked.Read(ref _inflightBytes);

    /// <summary>An empty body.</summary>
    public RequestBody Rent()
    {
        var buffer = _pool.Rent(0);
        if (TryAdd(buffer.Capacity)) return new RequestBody(this, buffer);
        _pool.Return(buffer);
        return new RequestBody(this, new NativeBuffer()); // the account is full, and will say so when it is written to
    }

    public void Dispose() => LargeDecompressions.Dispose();

    internal bool TryAdd(long bytes)
    {
        if (Interlocked.Add(ref _inflightBytes, bytes) <= _maxInflightBytes) return true;
        Interlocked.Add(ref _inflightBytes, -bytes);
        return false;
    }

    internal void GiveBack(long bytes) => Interlocked.Add(ref _inflightBytes, -bytes);

    internal void Release(NativeBuffer buffer)
    {
        GiveBack(buffer.Capacity);
        _pool.Return(buffer);
    }
}

/// <summary>
/// One request body in native memory, accounted for by the buffer's whole capacity. Not thread safe; disposed exactly once, by
/// who rented it. Who writes to the buffer itself gets a <see cref="MemoryAccountFullException"/> where the account is full.
/// </summary>
public sealed class RequestBody : IMemoryAccount, IDisposable
{
    private const int SmallestBytes = 16 * 1024;
    private readonly RequestMemory _memory;

    internal RequestBody(RequestMemory memory, NativeBuffer buffer)
    {
        _memory = memory;
        Buffer = buffer;
        buffer.Account = this;
    }

    public NativeBuffer Buffer { get; }

    /// <summary>False, with nothing appended, if the account has no room.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        // Never from what the request says of its own length.
        var hasRoom = Buffer.Capacity == 0 ? Buffer.TryReserve(Math.Max(SmallestBytes, bytes.Length)) : Buffer.TryMakeRoom(bytes.Length);
        if (!hasRoom) return false;
        Buffer.Append(bytes);
        return true;
    }

    bool IMemoryAccount.TryTake(long bytes) => _memory.TryAdd(bytes);

    void IMemoryAccount.GiveBack(long bytes) => _memory.GiveBack(bytes);

    public void Dispose()
    {
        Buffer.Account = null;
        _memory.Release(Buffer);
    }
}
