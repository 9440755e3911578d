namespace Tempo.Engine.Foundation;

/// <summary>
/// What a <see cref="NativeBuffer"/> asks before it takes memory from the system, so that memory is accounted for before it is
/// there and not after. Called by the thread that uses the buffer; an account that several buffers share is thread safe.
/// </summary>
public interface IMemoryAccount
{
    /// <summary>Takes <paramref name="bytes"/> more, or takes nothing and answers false if there is no room for them.</summary>
    bool TryTake(long bytes);

    /// <summary>Gives back what was taken.</summary>
    void GiveBack(long bytes);
}

/// <summary>A buffer could not grow because its account has no room. It is as it was before.</summary>
public sealed class MemoryAccountFullException(
    long bytes) : Exception($"no room for {bytes} more bytes in the account of the buffer's memory");
