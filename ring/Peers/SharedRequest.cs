using Tempo.Engine.Foundation;

namespace Tempo.Ring.Peers;

/// <summary>
/// The bytes of a request that several owners are given. They stay until the last one has let go: an owner that is slow goes on
/// reading after the sender was answered. Begins with one holder.
/// </summary>
public sealed class SharedRequest(NativeBufferPool pool, int sizeHint)
{
    private int _holders = 1;

    /// <summary>Written before others hold it, and never after.</summary>
    public NativeBuffer Buffer { get; } = pool.Rent(sizeHint);

    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0) pool.Return(Buffer);
    }
}
