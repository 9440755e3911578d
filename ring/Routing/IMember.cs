using Tempo.Engine.Foundation;
using Tempo.Engine.Node;

namespace Tempo.Ring.Routing;

/// <summary>A member of the ring that can be given spans: this process, or a peer.</summary>
public interface IMember
{
    /// <summary>Its name in the ring.</summary>
    string Name { get; }

    /// <summary>Stores an OTLP request; see <see cref="TempoNode.IngestAsync"/> for the buffer's rules.</summary>
    ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request);
}
