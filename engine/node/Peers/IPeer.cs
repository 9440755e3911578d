using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Peers;

/// <summary>Another node.</summary>
public interface IPeer
{
    string Name { get; }

    /// <summary>It did not answer lately, and is not to be waited for.</summary>
    bool IsSuspect { get; }

    /// <summary>
    /// Asks it, and appends its answer, within the time that it has for that; a <see cref="PeerQuestion.Slice"/> has any. Throws
    /// <see cref="PeerException"/> if there is none; then what was appended is to be forgotten.
    /// </summary>
    ValueTask AskAsync(PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation);
}
