using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Peers;

namespace Tempo.Ring.Routing;

/// <summary>This process.</summary>
/// <param name="name">Its name in the ring.</param>
/// <param name="node">Where the spans go.</param>
/// <param name="takesSpans">False once it leaves.</param>
public sealed class LocalMember(string name, TempoNode node, Func<bool> takesSpans) : IMember
{
    public string Name { get; } = name;

    public bool IsSuspect => false;

    public async Task<IngestOutcome> IngestAsync(TenantId tenant, SharedRequest request, bool isCounted)
    {
        try
        {
            if (!takesSpans()) return new IngestOutcome(IngestStatus.Unavailable, 0, 0, $"{Name} is leaving the ring");
            var group = new RequestGroup(tenant, isCounted, request.Buffer);
            group.End();
            await node.IngestReplicasAsync(group).ConfigureAwait(false);
            return group.Outcomes[0];
        }
        catch (Exception e)
        {
            return new IngestOutcome(IngestStatus.Overloaded, 0, 0, $"{Name}: {e.Message}") { RetryAfter = TimeSpan.FromSeconds(1) };
        }
        finally
        {
            request.Release();
        }
    }
}
