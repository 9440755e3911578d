using System.Runtime.InteropServices;

namespace Tempo.Host;

/// <summary>
/// What this binary is. Version, Revision and Compilation are constants that the project file writes at build
/// (<c>BuildInfo.g.cs</c>), because nothing at run time tells a native binary from a just-in-time one for certain.
/// </summary>
internal static partial class BuildInfo
{
    /// <summary>
    /// The version that the API reports. Grafana switches features on by it, so it is the Tempo release whose API this is.
    /// </summary>
    public const string ApiVersion = "3.0.3";

    public static string Framework => RuntimeInformation.FrameworkDescription;

    /// <summary>The text of <c>-version</c> and of <c>/status/version</c>.</summary>
    public static string Describe() =>
        $"""
        tempo, version {Version} (branch: HEAD, revision: {Revision})
          framework:        {Framework}
          compilation:      {Compilation}
          platform:         {RuntimeInformation.RuntimeIdentifier}
          API of:           Grafana Tempo {ApiVersion}

        """;
}
