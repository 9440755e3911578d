using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;

namespace Tempo.Engine.Node;

// Metrics from spans.
public sealed partial class TempoNode
{
    /// <summary>
    /// The tenant's metrics from spans as a page for scraping, in OpenMetrics or in the text format 0.0.4. False if none are
    /// made for it.
    /// </summary>
    public bool TryWriteGeneratedMetrics(TenantId tenant, bool isOpenMetrics, IBufferWriter<byte> output)
    {
        if (_generator.TryWriteExposition(tenant, isOpenMetrics, output)) return true;
        if (_options.Overrides.Of(tenant).MetricsGenerator.Processors.Count == 0) return false;
        MetricsGenerator.WriteEmptyExposition(isOpenMetrics, output);
        return true;
    }
}
