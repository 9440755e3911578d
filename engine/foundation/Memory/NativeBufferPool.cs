using System.Collections.Concurrent;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Keeps a bounded number of <see cref="NativeBuffer"/>s for reuse. Thread safe. A buffer that grew beyond
/// <paramref name="maxRetainedBytes"/> is freed on return, so that one huge request does not stay in memory.
/// </summary>
public sealed class NativeBufferPool(int maxBuffers, int maxRetainedBytes)
{
    private readonly ConcurrentQueue<NativeBuffer> _free = new();
    private int _count;

    /// <summary>An empty buffer; give it back with <see cref="Return"/>.</summary>
    public NativeBuffer Rent(int sizeHint)
    {
        if (_free.TryDequeue(out var buffer)) Interlocked.Decrement(ref _count);
        else buffer = new NativeBuffer();
        buffer.Clear();
        buffer.Reserve(sizeHint);
        return buffer;
    }

    public void Return(NativeBuffer buffer)
    {
        if (buffer.Capacity > maxRetainedBytes || Interlocked.Increment(ref _count) > maxBuffers)
        {
            if (buffer.Capacity <= maxRetainedBytes) Interlocked.Decrement(ref _count);
            buffer.Dispose();
            return;
        }

        _free.Enqueue(buffer);
    }
}
