using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Peers;

/// <summary>
/// The other nodes, as far as queries must know them: the engine's door to the ring, which is not known here. What the store that
/// all share does not have yet is on the node that took it in, so a query asks them all.
/// </summary>
public interface IPeers
{
    /// <summary>Those that may hold such spans, without this node. Asked for by every query; cheap.</summary>
    IReadOnlyList<IPeer> Holders { get; }

    /// <summary>Names of nodes that held some and went without saying so; they count as silent ones.</summary>
    IReadOnlyList<string> Lost { get; }

    /// <summary>Whether spans are on several nodes.</summary>
    bool HasCopies { get; }

    /// <summary>Whether every acknowledged span is on a node that is not one of these.</summary>
    bool AreCovered(IReadOnlyCollection<string> silent);

    /// <summary>This node's own name.</summary>
    string Name { get; }

    /// <summary>Whether this node knows the others and takes part in what they compute together.</summary>
    bool AnswersSlices { get; }

    /// <summary>Those that may be given a part of a query to answer, without this node and those that did not answer lately.</summary>
    IReadOnlyList<IPeer> Queriers { get; }
}

/// <summary>Another node.</summary>
public interface IPeer
{
    string Name { get; }

    /// <summary>It did not answer lately, and is not to be waited for.</summary>
    bool IsSuspect { get; }

    /// <summary>
    /// Asks it, and appends its answer, within the time that it has for that; a <see cref="PeerQuestion.Slice"/> has any. Throws <see cref="PeerException"/> if there is none; then what was appended is to be
    /// forgotten.
    /// </summary>
    ValueTask AskAsync(PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation);
}

/// <summary>What one node asks another; the bytes are those of <see cref="PeerMessages"/>, of a slice those of <see cref="Slices.SliceMessages"/>.</summary>
public enum PeerQuestion
{
    /// <summary>Spans that are not in blocks, those that the asker does not have, and the newest blocks.</summary>
    Live,

    /// <summary>The metas of such blocks.</summary>
    Metas,

    /// <summary>A part of an object of a block that waits for its upload.</summary>
    Part,

    /// <summary>A query of a slice of the traces (<see cref="Slices.SliceQuestion"/>). Takes as long as it takes.</summary>
    Slice,
}

/// <summary>A node did not answer, or not with sense.</summary>
public sealed class PeerException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Who compacts, retains and deletes what, where several nodes share a store. Two owners of one thing do no harm, only work.</summary>
public interface IMaintenanceOwner
{
    /// <summary>Whether this node compacts the tenant's blocks whose spans end in this window (Unix seconds / its length).</summary>
    bool OwnsWindow(TenantId tenant, long window);

    /// <summary>Whether this node does what is done once for each tenant: retention, its index, taking out deleted traces.</summary>
    bool OwnsTenant(TenantId tenant);

    /// <summary>Whether this node deletes what was marked for long enough.</summary>
    bool OwnsStore { get; }
}

/// <summary>This node's part of a limit that is meant for all nodes together.</summary>
public interface IClusterShare
{
    /// <summary>Of what all nodes receive, 0 to 1.</summary>
    double OfReceived { get; }

    /// <summary>Of the traces of all nodes, copies included, 0 to 1.</summary>
    double OfTraces { get; }
}

/// <summary>A node that has the store for itself.</summary>
public sealed class SoleOwner : IMaintenanceOwner, IClusterShare
{
    public static readonly SoleOwner Instance = new();

    public double OfReceived => 1;

    public double OfTraces => 1;

    public bool OwnsStore => true;

    public bool OwnsWindow(TenantId tenant, long window) => true;

    public bool OwnsTenant(TenantId tenant) => true;
}
