namespace Tempo.Host.Config;

/// <summary>
/// The configuration cannot be used. The message says where (file and line, or flag) and what; the process ends with exit
/// code 1.
/// </summary>
public sealed class ConfigException(string message) : Exception(message);
