using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;

namespace Tempo.Engine.Node;

/// <summary>
/// What a node stands on beside its clock: the machine's disk, threads and random numbers, and the object service that its options name. A
/// simulation has others, and the node is the same.
/// </summary>
internal sealed record NodeMachine
{
    public static readonly NodeMachine Real = new();

    /// <summary>On which the folders of the options are; null: the file system.</summary>
    public IDisk? Disk { get; init; }

    /// <summary>The object service; null: what <see cref="NodeOptions.Remote"/> names.</summary>
    public IObjectStore? Objects { get; init; }

    /// <summary>Of which the log's marks are; null: the kernel's.</summary>
    public Func<ulong>? Random { get; init; }

    /// <summary>
    /// False: all work is done on the pool's threads, and the log commits when <see cref="TempoNode.CommitQueued"/> is called.
    /// </summary>
    public bool HasThreads { get; init; } = true;

    /// <summary>How work is begun that takes long.</summary>
    public TaskCreationOptions LongWork => HasThreads ? TaskCreationOptions.LongRunning : TaskCreationOptions.None;
}
