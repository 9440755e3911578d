using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Peers;

namespace Tempo.Ring.Routing;

/// <summary>A member of the ring that can be given spans: this process, or a peer.</summary>
public interface IMember
{
    /// <summary>Its name in the ring.</summary>
    string Name { get; }

    /// <summary>It did not answer lately: others take its place as long as there are enough.</summary>
    bool IsSuspect { get; }

    /// <summary>
    /// Stores an admitted OTLP request; completes when it is durable and can be read there, or is not. Releases the hold on the
    /// request that the caller took for it. Never throws: a member that does not answer is an outcome like any other.
    /// </summary>
    Task<IngestOutcome> IngestAsync(TenantId tenant, SharedRequest request, bool isCounted);
}
