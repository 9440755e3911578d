using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;

namespace Tempo.Host.Receivers;

/// <summary>
/// Memory of request bodies: pooled native buffers, and one account of the bytes they hold while requests are being read
/// and stored. A buffer asks the account before it grows. A request that does not fit beside the others is refused as
/// "overloaded", which its sender tries again; one that would not fit if it were alone is refused for good. Thread safe.
/// </summary>
public sealed class RequestMemory : IDisposable
{
    /// <summary>What a sender is told when the account is full.</summary>
    public static readonly GrpcStatus Overloaded =
        new(GrpcStatusCode.Unavailable, "too many request bytes in flight, try again") { RetryDelay = TimeSpan.FromSeconds(1) };

    // A decompressed body of the largest size that OTLP has, and the compressed one.
    private const long LargestBytes = 72L << 20;

    /// <summary>
    /// Of a buffer that is kept for the next request: a collector's batch of 8,192 spans is 5 MB. Memory that comes anew costs a page fault
    /// for each 4 KiB of it.
    /// </summary>
    private const int MaxIdleBytes = 8 << 20;

    private readonly long _maxInflightBytes;
    private readonly string _limitName;
    private readonly NativeBufferPool _pool;
    private long _inflightBytes;

    /// <param name="maxInflightBytes">Bytes of the account.</param>
    /// <param name="limitName">What the limit is called where it is set.</param>
    public RequestMemory(long maxInflightBytes, string limitName = "distributor.max_inflight_bytes")
    {
        _maxInflightBytes = maxInflightBytes;
        _limitName = limitName;
        // 64 idle buffers: what 64 senders of ordinary batches use at once. An eighth of the account at most.
        _pool = new NativeBufferPool(maxBuffers: (int)Math.Clamp(maxInflightBytes >> 22, 4, 64), MaxIdleBytes, maxInflightBytes >> 3);
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

    /// <summary>An empty body of a new request.</summary>
    public RequestBody Rent() => Rent(new RequestShare());

    /// <summary>An empty body of the same request as another one: what it is decompressed or transcoded to.</summary>
    public RequestBody RentBeside(RequestBody other) => Rent(other.Share);

    private RequestBody Rent(RequestShare share)
    {
        var buffer = _pool.Rent(0);
        if (TryAdd(buffer.Capacity, share)) return new RequestBody(this, buffer, share);
        _pool.Return(buffer);
        return new RequestBody(this, new NativeBuffer(), share); // the account is full, and will say so when it is written to
    }

    /// <summary>What a request is told that could not have what it asked for last.</summary>
    internal GrpcStatus RefusalOf(RequestShare share) => !share.CannotFit ? Overloaded
        : new GrpcStatus(GrpcStatusCode.ResourceExhausted,
            $"request larger than max: received, decompressed and transcoded it needs more than the {_maxInflightBytes} bytes that all requests together may have ({_limitName})")
        { IsTooLarge = true };

    public void Dispose() => LargeDecompressions.Dispose();

    internal bool TryAdd(long bytes, RequestShare share)
    {
        share.CannotFit = share.Bytes + bytes > _maxInflightBytes;
        if (Interlocked.Add(ref _inflightBytes, bytes) <= _maxInflightBytes)
        {
            share.Bytes += bytes;
            return true;
        }

        Interlocked.Add(ref _inflightBytes, -bytes);
        return false;
    }

    internal void GiveBack(long bytes, RequestShare share)
    {
        share.Bytes -= bytes;
        Interlocked.Add(ref _inflightBytes, -bytes);
    }

    internal void Release(NativeBuffer buffer, RequestShare share)
    {
        GiveBack(buffer.Capacity, share);
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

    internal RequestBody(RequestMemory memory, NativeBuffer buffer, RequestShare share)
    {
        _memory = memory;
        Share = share;
        Buffer = buffer;
        buffer.Account = this;
    }

    public NativeBuffer Buffer { get; }

    internal RequestShare Share { get; }

    /// <summary>
    /// What to answer when the account had no room: try again, or never, if this request alone is more than the account has.
    /// </summary>
    public GrpcStatus Refusal => _memory.RefusalOf(Share);

    /// <summary>False, with nothing appended, if the account has no room.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        // Never from what the request says of its own length.
        var hasRoom = Buffer.Capacity == 0 ? Buffer.TryReserve(Math.Max(SmallestBytes, bytes.Length)) : Buffer.TryMakeRoom(bytes.Length);
        if (!hasRoom) return false;
        Buffer.Append(bytes);
        return true;
    }

    bool IMemoryAccount.TryTake(long bytes) => _memory.TryAdd(bytes, Share);

    void IMemoryAccount.GiveBack(long bytes) => _memory.GiveBack(bytes, Share);

    public void Dispose()
    {
        Buffer.Account = null;
        _memory.Release(Buffer, Share);
    }
}

/// <summary>What one request has of the account, in all its bodies. One thread's at a time, as the request is.</summary>
internal sealed class RequestShare
{
    public long Bytes { get; set; }

    /// <summary>What it asked for last is more than the whole account has.</summary>
    public bool CannotFit { get; set; }
}
