using System.Collections.Concurrent;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Keeps a bounded number of <see cref="NativeBuffer"/>s for reuse. Thread safe. A buffer that grew beyond
/// <paramref name="maxRetainedBytes"/> is freed on return, so that one huge request does not stay in memory.
/// </summary>
/// <param name="maxBuffers">Buffers that are kept.</param>
/// <param name="maxRetainedBytes">Bytes of one of them.</param>
/// <param name="maxTotalBytes">Bytes of all of them.</param>
public sealed class NativeBufferPool(int maxBuffers, int maxRetainedBytes, long maxTotalBytes = long.MaxValue)
{
    private readonly ConcurrentQueue<NativeBuffer> _free = new();
    private int _count;
    private long _bytes;

    /// <summary>An empty buffer; give it back with <see cref="Return"/>.</summary>
    public NativeBuffer Rent(int sizeHint)
    {
        if (_free.TryDequeue(out var buffer)) Forget(buffer.Capacity);
        else buffer = new NativeBuffer();
        buffer.Clear();
        buffer.Reserve(sizeHint);
        return buffer;
    }

    public void Return(NativeBuffer buffer)
    {
        var capacity = buffer.Capacity;
        if (capacity <= maxRetainedBytes)
        {
            if (Interlocked.Increment(ref _count) <= maxBuffers & Interlocked.Add(ref _bytes, capacity) <= maxTotalBytes)
            {
                _free.Enqueue(buffer);
                return;
            }

            Forget(capacity);
        }

        buffer.Dispose();
    }

    private void Forget(int capacity)
    {
        Interlocked.Decrement(ref _count);
        Interlocked.Add(ref _bytes, -capacity);
    }
}
